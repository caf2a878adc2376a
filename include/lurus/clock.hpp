#pragma once
// Time is UTC microseconds. Code that needs the time takes a Clock, so that tests set it.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lurus {

using UnixMicros = std::int64_t;

/// Any thread.
class Clock {
public:
    virtual ~Clock() = default;
    /// UTC, microseconds since the epoch; may jump when the machine's clock is set.
    [[nodiscard]] virtual UnixMicros now() const = 0;
    /// Microseconds, never goes back; the zero is arbitrary.
    [[nodiscard]] virtual std::int64_t monotonic_us() const = 0;
    /// The same, and it goes on while the machine sleeps.
    [[nodiscard]] virtual std::int64_t since_boot_us() const { return monotonic_us(); }
};

/// The machine's clock; lives for the whole process.
const Clock& system_clock();

/// RFC 3339 in UTC with microseconds: `2026-11-21T09:00:00.123456Z`.
std::string format_time(UnixMicros time);
/// RFC 3339 (any offset) or a date `2026-11-21`.
std::optional<UnixMicros> parse_time(std::string_view text);
/// `90s`, `15m`, `24h`, `7d`, `2w` as microseconds.
std::optional<std::int64_t> parse_duration(std::string_view text);

}  // namespace lurus
