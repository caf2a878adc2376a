#pragma once
// Wakes one coroutine. The coroutine looks at its flags, finds nothing to do, and waits; callbacks set flags and
// notify. One shard's thread only. At most one waiter.

#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>
#include <functional>
#include <utility>

namespace lurus {

class Signal {
public:
    /// Resumes the waiter in this call, or lets the next wait return at once.
    void notify() {
        if (waiter_) {
            auto waiter = std::exchange(waiter_, nullptr);
            waiter();
        } else {
            set_ = true;
        }
    }

    /// To be awaited. May return without a notify: callers loop over their condition.
    auto wait() {
        return boost::asio::async_initiate<const boost::asio::deferred_t&, void()>(Start{this}, boost::asio::deferred);
    }

    /// True when a wait would return at once.
    [[nodiscard]] bool pending() const { return set_; }

private:
    struct Start {
        Signal* signal;
        void operator()(auto handler) const {
            if (signal->set_) {
                signal->set_ = false;
                handler();
            } else {
                signal->waiter_ = std::move(handler);
            }
        }
    };

    std::move_only_function<void()> waiter_;
    bool set_ = false;
};

}  // namespace lurus
