#include "lurus/clock.hpp"

#include <chrono>
#include <cstdio>

#include "core/os/platform.hpp"

namespace lurus {
namespace {

class SystemClock final : public Clock {
public:
    UnixMicros now() const override {
        using namespace std::chrono;
        return duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
    }
    std::int64_t monotonic_us() const override {
        using namespace std::chrono;
        return duration_cast<microseconds>(steady_clock::now().time_since_epoch()).count();
    }
    std::int64_t since_boot_us() const override { return platform::since_boot_us(); }
};

std::optional<int> number(std::string_view text, std::size_t at, std::size_t count) {
    if (at + count > text.size()) return std::nullopt;
    int value = 0;
    for (std::size_t i = at; i < at + count; ++i) {
        if (text[i] < '0' || text[i] > '9') return std::nullopt;
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

}  // namespace

const Clock& system_clock() {
    static const SystemClock clock;
    return clock;
}

std::string format_time(UnixMicros time) {
    using namespace std::chrono;
    const sys_time<microseconds> point{microseconds(time)};
    const auto day = floor<days>(point);
    const year_month_day date{day};
    const hh_mm_ss clock{point - day};
    char out[64];
    std::snprintf(out, sizeof out, "%04d-%02u-%02uT%02d:%02d:%02d.%06dZ", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                  static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                  static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
    return out;
}

std::optional<UnixMicros> parse_time(std::string_view text) {
    using namespace std::chrono;
    const auto y = number(text, 0, 4), m = number(text, 5, 2), d = number(text, 8, 2);
    if (!y || !m || !d || text[4] != '-' || text[7] != '-') return std::nullopt;
    const year_month_day date{year(*y), month(static_cast<unsigned>(*m)), day(static_cast<unsigned>(*d))};
    if (!date.ok()) return std::nullopt;
    UnixMicros result = duration_cast<microseconds>(sys_days(date).time_since_epoch()).count();
    if (text.size() == 10) return result;
    if (text[10] != 'T' && text[10] != 't' && text[10] != ' ') return std::nullopt;
    const auto hour = number(text, 11, 2), minute = number(text, 14, 2), second = number(text, 17, 2);
    if (!hour || !minute || !second || text[13] != ':' || text[16] != ':' || *hour > 23 || *minute > 59 ||
        *second > 60) {
        return std::nullopt;
    }
    result += ((*hour * 60ll + *minute) * 60 + *second) * 1'000'000;
    std::size_t at = 19;
    if (at < text.size() && text[at] == '.') {
        std::int64_t unit = 100'000;
        const std::size_t first = ++at;
        for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, unit /= 10)
            result += (text[at] - '0') * unit;
        if (at == first) return std::nullopt;
    }
    const std::string_view zone = text.substr(at);
    if (zone == "Z" || zone == "z") return result;
    if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-') || zone[3] != ':') return std::nullopt;
    const auto zone_hour = number(zone, 1, 2), zone_minute = number(zone, 4, 2);
    if (!zone_hour || !zone_minute || *zone_hour > 23 || *zone_minute > 59) return std::nullopt;
    const std::int64_t offset = (*zone_hour * 60ll + *zone_minute) * 60'000'000;
    return zone[0] == '+' ? result - offset : result + offset;
}

std::optional<std::int64_t> parse_duration(std::string_view text) {
    if (text.size() < 2 || text.size() > 10) return std::nullopt;
    const auto value = number(text, 0, text.size() - 1);
    if (!value) return std::nullopt;
    constexpr std::int64_t second = 1'000'000;
    switch (text.back()) {
        case 's': return *value * second;
        case 'm': return *value * 60 * second;
        case 'h': return *value * 3600 * second;
        case 'd': return *value * 86400 * second;
        case 'w': return *value * 7 * 86400 * second;
        default: return std::nullopt;
    }
}

}  // namespace lurus
