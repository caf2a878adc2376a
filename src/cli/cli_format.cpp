#include "cli/cli_format.hpp"

#include <fmt/format.h>

#include <array>

namespace lurus::cli {
namespace {

/// One decimal below 100, none above; cut, not rounded, so that 999.9k never reads as 1000k.
std::string scaled(std::int64_t value, std::int64_t unit, std::string_view suffix) {
    std::int64_t whole = value / unit;
    if (whole >= 100) return fmt::format("{}{}", whole, suffix);
    return fmt::format("{}.{}{}", whole, (value % unit) * 10 / unit, suffix);
}

std::string_view sign_of(std::int64_t value) {
    return value < 0 ? "-" : "";
}

std::uint64_t magnitude(std::int64_t value) {
    return value < 0 ? ~static_cast<std::uint64_t>(value) + 1 : static_cast<std::uint64_t>(value);
}

}  // namespace

std::string format_money(std::int64_t nano_usd) {
    std::uint64_t nano = magnitude(nano_usd);
    if (nano != 0 && nano < 1000) return fmt::format("<{}$0.000001", sign_of(nano_usd));
    std::uint64_t micro = nano / 1000 + (nano % 1000 >= 500 ? 1 : 0);
    return fmt::format("{}${}.{:06}", sign_of(nano_usd), micro / 1'000'000, micro % 1'000'000);
}

std::string format_money_exact(std::int64_t nano_usd) {
    std::uint64_t nano = magnitude(nano_usd);
    return fmt::format("{}${}.{:09}", sign_of(nano_usd), nano / 1'000'000'000, nano % 1'000'000'000);
}

std::string format_cost(std::optional<std::int64_t> nano_usd) {
    return nano_usd ? format_money(*nano_usd) : "unpriced";
}

std::string format_price_per_million(std::int64_t pico_usd) {
    std::uint64_t pico = magnitude(pico_usd);
    std::string fraction = fmt::format("{:06}", pico % 1'000'000);
    while (fraction.size() > 2 && fraction.back() == '0') fraction.pop_back();
    return fmt::format("{}${}.{}", sign_of(pico_usd), pico / 1'000'000, fraction);
}

std::string format_duration(std::int64_t us) {
    if (us < 0) return std::string(unknown_text);
    if (us < 1000) return fmt::format("{}µs", us);
    if (us < 1'000'000) return fmt::format("{}ms", us / 1000);
    if (us < 60'000'000) return scaled(us, 1'000'000, "s");
    std::int64_t seconds = us / 1'000'000;
    if (seconds < 3600) return fmt::format("{}m{:02}s", seconds / 60, seconds % 60);
    return fmt::format("{}h{:02}m", seconds / 3600, seconds % 3600 / 60);
}

std::string format_duration(std::optional<std::int64_t> us) {
    return us ? format_duration(*us) : std::string(unknown_text);
}

std::string format_tokens(std::int64_t count) {
    if (count < 0) return "-" + format_tokens(static_cast<std::int64_t>(magnitude(count) & INT64_MAX));
    if (count < 1000) return fmt::format("{}", count);
    if (count < 1'000'000) return scaled(count, 1000, "k");
    if (count < 1'000'000'000) return scaled(count, 1'000'000, "M");
    return scaled(count, 1'000'000'000, "G");
}

std::string format_tokens(std::optional<std::int64_t> count) {
    return count ? format_tokens(*count) : std::string(unknown_text);
}

std::string format_bytes(std::int64_t bytes) {
    if (bytes < 1024) return fmt::format("{} B", bytes);
    constexpr std::array<std::string_view, 4> names = {" KiB", " MiB", " GiB", " TiB"};
    std::int64_t unit = 1024;
    std::size_t n = 0;
    while (n + 1 < names.size() && bytes / unit >= 1024) {
        unit *= 1024;
        ++n;
    }
    return scaled(bytes, unit, names[n]);
}

std::string format_time_of_day(const LocalTime& t, const LocalTime& now) {
    if (t.year != now.year) return format_date_time(t);
    if (t.month != now.month || t.day != now.day) {
        return fmt::format("{:02}-{:02} {:02}:{:02}:{:02}", t.month, t.day, t.hour, t.minute, t.second);
    }
    return fmt::format("{:02}:{:02}:{:02}", t.hour, t.minute, t.second);
}

std::string format_date_time(const LocalTime& t) {
    return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}", t.year, t.month, t.day, t.hour, t.minute);
}

std::optional<UnixMicros> parse_moment(std::string_view text, UnixMicros now) {
    // Before the zone, which is read from the system's files.
    if (const auto ago = parse_duration(text)) return now - *ago;
    if (const auto time = parse_time(text)) return *time;
    return parse_moment(text, now, TimeZone::local());
}

std::optional<UnixMicros> parse_moment(std::string_view text, UnixMicros now, const TimeZone& zone) {
    if (text == "now") return now;
    if (text == "today") return zone.day_begin(now);
    if (text == "yesterday") return zone.day_begin(zone.day_begin(now) - 1);
    if (const auto day = zone.date(text)) return *day;
    if (const auto ago = parse_duration(text)) return now - *ago;
    return parse_time(text);
}

}  // namespace lurus::cli
