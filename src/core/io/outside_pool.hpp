#pragma once
// The threads that call outside. There is none before the first call, and none is left some seconds after the last.

#include <memory>

#include "lurus/outside.hpp"

namespace lurus {

/// Owned by the composition root; outlives every module that calls outside.
class OutsidePool final : public OutsideCalls {
public:
    OutsidePool();
    /// Stops and settles.
    ~OutsidePool() override;
    OutsidePool(const OutsidePool&) = delete;
    OutsidePool& operator=(const OutsidePool&) = delete;

    void post(const OutsideLane& lane, std::move_only_function<void()> work) override;
    [[nodiscard]] OutsideLimit within(std::chrono::milliseconds most) const override;
    void stop() override;
    void settle() override;
    /// Threads there are now; for tests.
    [[nodiscard]] int threads() const;

private:
    struct State;
    static void run(const std::shared_ptr<State>& state);
    const std::shared_ptr<State> state_;  // the threads' too: each ends by itself
};

}  // namespace lurus
