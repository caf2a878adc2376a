#include "core/os/time_zone.hpp"

#include <absl/time/civil_time.h>
#include <absl/time/time.h>

#include "core/os/zone_data.hpp"

namespace lurus {

struct TimeZone::Zone {
    absl::TimeZone data;

    // The first moment of a day or hour: where a change of clocks skips it, the change itself, where it comes twice,
    // the first of both.
    template <class Civil>
    [[nodiscard]] UnixMicros begin(Civil civil) const {
        const absl::TimeZone::TimeInfo info = data.At(absl::CivilSecond(civil));
        return absl::ToUnixMicros(info.kind == absl::TimeZone::TimeInfo::SKIPPED ? info.trans : info.pre);
    }
    [[nodiscard]] absl::CivilSecond civil(UnixMicros time) const { return data.At(absl::FromUnixMicros(time)).cs; }
};

TimeZone TimeZone::utc() {
    return {"UTC", std::make_shared<const Zone>(Zone{absl::UTCTimeZone()})};
}

TimeZone TimeZone::local() {
    const absl::TimeZone zone = system_zone();
    return {zone.name(), std::make_shared<const Zone>(Zone{zone})};
}

Result<TimeZone> TimeZone::named(std::string_view name) {
    if (name == "local") return local();
    absl::TimeZone zone;
    const std::string text(name);
    // A leading colon or slash would name a file.
    const bool plain = !name.empty() && name.front() != '/' && name.front() != ':' && !name.contains("..");
    provide_zones();
    if (!plain || !absl::LoadTimeZone(text, &zone)) {
        return fail(ErrorCode::invalid_argument,
                    "`" + text + "` is no time zone here: give one such as Europe/Berlin, UTC or local" +
                        std::string(zones_hint()));
    }
    return TimeZone(text, std::make_shared<const Zone>(Zone{zone}));
}

UnixMicros TimeZone::day_begin(UnixMicros time) const {
    return zone_->begin(absl::CivilDay(zone_->civil(time)));
}

UnixMicros TimeZone::next_day(UnixMicros time) const {
    return zone_->begin(absl::CivilDay(zone_->civil(time)) + 1);
}

// Hours are counted from the offset in force, so that an hour that clocks show twice is two.
UnixMicros TimeZone::hour_begin(UnixMicros time) const {
    const absl::Time moment = absl::FromUnixMicros(time);
    const absl::TimeZone::CivilInfo info = zone_->data.At(moment);
    const absl::Duration into = absl::Minutes(info.cs.minute()) + absl::Seconds(info.cs.second()) + info.subsecond;
    return absl::ToUnixMicros(moment - into);
}

UnixMicros TimeZone::next_hour(UnixMicros time) const {
    return hour_begin(time) + 3'600'000'000;
}

std::optional<UnixMicros> TimeZone::date(std::string_view text) const {
    absl::CivilDay day;
    if (text.size() != 10 || !absl::ParseCivilTime(absl::string_view(text.data(), text.size()), &day))
        return std::nullopt;
    return zone_->begin(day);
}

std::string TimeZone::date_text(UnixMicros time) const {
    return absl::FormatCivilTime(absl::CivilDay(zone_->civil(time)));
}

std::string TimeZone::text(UnixMicros time) const {
    return absl::FormatTime("%Y-%m-%dT%H:%M:%S%Ez", absl::FromUnixMicros(time), zone_->data);
}

}  // namespace lurus
