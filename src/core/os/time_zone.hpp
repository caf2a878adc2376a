#pragma once
// Days and hours of a time zone, which are not all equally long.

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "lurus/clock.hpp"
#include "lurus/result.hpp"

namespace lurus {

/// Immutable; any thread. Copies share their data.
class TimeZone {
public:
    static TimeZone utc();
    /// The machine's own, as `TZ` or the system says.
    static TimeZone local();
    /// `Europe/Berlin`, `UTC`, `local`. `invalid_argument` for what the system's time zone database does not have.
    static Result<TimeZone> named(std::string_view name);

    [[nodiscard]] const std::string& name() const { return name_; }
    /// When the day or hour that holds `time` began, and when the next one begins.
    [[nodiscard]] UnixMicros day_begin(UnixMicros time) const;
    [[nodiscard]] UnixMicros next_day(UnixMicros time) const;
    [[nodiscard]] UnixMicros hour_begin(UnixMicros time) const;
    [[nodiscard]] UnixMicros next_hour(UnixMicros time) const;
    /// The begin of a day written `2026-11-29`; empty when the text is none.
    [[nodiscard]] std::optional<UnixMicros> date(std::string_view text) const;
    /// `2026-11-29`
    [[nodiscard]] std::string date_text(UnixMicros time) const;
    /// `2026-11-29T13:00:00+01:00`
    [[nodiscard]] std::string text(UnixMicros time) const;

private:
    struct Zone;
    TimeZone(std::string name, std::shared_ptr<const Zone> zone) : name_(std::move(name)), zone_(std::move(zone)) {}

    std::string name_;
    std::shared_ptr<const Zone> zone_;
};

}  // namespace lurus
