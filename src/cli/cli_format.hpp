#pragma once
// Numbers, money and times for people. Pure; unknown is shown as `–`, never as 0.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/os/terminal.hpp"
#include "core/os/time_zone.hpp"
#include "lurus/clock.hpp"

namespace lurus::cli {

inline constexpr std::string_view unknown_text = "–";

/// `$0.001234`; `<$0.000001` for less than a micro-dollar. Nano-US-dollars.
std::string format_money(std::int64_t nano_usd);
/// All nine decimals: `$0.000001234`.
std::string format_money_exact(std::int64_t nano_usd);
/// Empty = `unpriced`.
std::string format_cost(std::optional<std::int64_t> nano_usd);
/// Pico-US-dollars per token as US dollars per million tokens: `$3.00`, `$0.075`.
std::string format_price_per_million(std::int64_t pico_usd);
/// `850µs`, `12ms`, `1.2s`, `2m05s`, `1h02m`.
std::string format_duration(std::int64_t microseconds);
std::string format_duration(std::optional<std::int64_t> microseconds);
/// `999`, `12.3k`, `1.2M`, `3.4G`.
std::string format_tokens(std::int64_t count);
std::string format_tokens(std::optional<std::int64_t> count);
/// `512 B`, `12.3 KiB`, `1.5 GiB`.
std::string format_bytes(std::int64_t bytes);
/// `14:02:11` when both are on one day, else `11-20 14:02:11`, else `2025-11-20 14:02`.
std::string format_time_of_day(const LocalTime& time, const LocalTime& now);
/// `2026-11-20 14:02`.
std::string format_date_time(const LocalTime& time);

/// `24h`, `7d` ago, a date of UTC, or RFC 3339; `today` and `yesterday` by the local calendar, `now`. Empty when it is
/// none of these.
std::optional<UnixMicros> parse_moment(std::string_view text, UnixMicros now);
/// The same with dates, `today` and `yesterday` of that zone.
std::optional<UnixMicros> parse_moment(std::string_view text, UnixMicros now, const TimeZone& zone);

}  // namespace lurus::cli
