#pragma once
// Whether a backend is used, from what came of using it. No I/O, no clock of its own.

#include <cstdint>
#include <string>

#include "lurus/sync.hpp"

namespace lurus::sync {

/// One thread at a time. Times are microseconds of the monotonic clock.
class ModeMachine {
public:
    struct Rules {
        int failures = 2;  // in a row, within `window_us`, until it counts as away
        std::int64_t window_us = 2'000'000;
        std::int64_t silence_us =
            1'000'000;   // so long after a first failure without a success it counts as away as well
        int probes = 2;  // good ones in a row until what happened meanwhile is taken over
    };

    ModeMachine(Rules rules, BackendSetting setting);

    void set(BackendSetting setting, std::int64_t now_us);
    void failed(const std::string& reason, std::int64_t now_us);
    void answered(std::int64_t now_us);
    /// What happened meanwhile is taken over.
    void caught_up(std::int64_t now_us);

    /// The mode at this moment.
    BackendMode mode(std::int64_t now_us);
    [[nodiscard]] BackendSetting setting() const { return setting_; }
    [[nodiscard]] const std::string& reason() const { return reason_; }
    [[nodiscard]] std::int64_t since_us() const { return since_us_; }

private:
    void go(BackendMode mode, std::int64_t now_us);

    const Rules rules_;
    BackendSetting setting_;
    BackendMode mode_ = BackendMode::offline;
    std::string reason_ = "it was not reached yet";
    std::int64_t since_us_ = 0;
    int failures_ = 0, answers_ = 0;
    std::int64_t first_failure_us_ = 0;
};

}  // namespace lurus::sync
