#pragma once
// Wakes one coroutine. The coroutine looks at its flags, finds nothing to do, and waits; callbacks set flags and
// notify. One shard's thread only. At most one waiter.

#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>
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

    /// May return without a notify: callers loop over their condition.
    boost::asio::awaitable<void> wait() {
        return boost::asio::async_initiate<const boost::asio::use_awaitable_t<>&, void()>(
            [this](auto handler) {
                if (set_) {
                    set_ = false;
                    handler();
                } else {
                    waiter_ = std::move(handler);
                }
            },
            boost::asio::use_awaitable);
    }

    /// True when a wait would return at once.
    [[nodiscard]] bool pending() const { return set_; }

private:
    std::move_only_function<void()> waiter_;
    bool set_ = false;
};

}  // namespace lurus
