#pragma once
// The time for deleting what is old enough. A clock that was set forward by mistake must not delete anything.

#include <cstdint>
#include <mutex>
#include <optional>

#include "lurus/clock.hpp"

namespace lurus {

/// Any thread. A clock that was set back is believed at once, one that was set forward when it has stayed so for a day;
/// until then time goes on as it did before.
class SettledTime {
public:
    explicit SettledTime(const Clock& clock)
        : clock_(clock), believed_(clock.now() - clock.since_boot_us()), doubted_(believed_) {}

    [[nodiscard]] UnixMicros now();

private:
    static constexpr std::int64_t same_us = 60'000'000;  // two offsets that differ by less are one
    static constexpr std::int64_t doubt_us = 86'400'000'000;

    const Clock& clock_;
    std::mutex mutex_;
    // What the clock says beyond the time since the machine's start.
    std::int64_t believed_, doubted_;
    std::optional<std::int64_t> doubted_since_;
};

}  // namespace lurus
