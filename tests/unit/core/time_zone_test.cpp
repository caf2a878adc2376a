#include "core/os/time_zone.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace lurus;

namespace {

constexpr UnixMicros hour = 3'600'000'000;

UnixMicros moment_at(const char* text) {
    return parse_time(text).value();
}

TimeZone zone(const char* name) {
    return TimeZone::named(name).value();
}

}  // namespace

TEST_CASE("a day is as long as its clocks say") {
    const TimeZone berlin = zone("Europe/Berlin");
    const UnixMicros spring = moment_at("2026-03-29T10:00:00Z"), autumn = moment_at("2026-10-25T10:00:00Z");
    CHECK(berlin.day_begin(spring) == moment_at("2026-03-28T23:00:00Z"));
    CHECK(berlin.next_day(spring) - berlin.day_begin(spring) == 23 * hour);
    CHECK(berlin.day_begin(autumn) == moment_at("2026-10-24T22:00:00Z"));
    CHECK(berlin.next_day(autumn) - berlin.day_begin(autumn) == 25 * hour);
    CHECK(berlin.date("2026-10-25") == moment_at("2026-10-24T22:00:00Z"));
    CHECK(berlin.date_text(moment_at("2026-10-24T22:00:00Z")) == "2026-10-25");
    CHECK(berlin.text(moment_at("2026-01-01T12:00:00Z")) == "2026-01-01T13:00:00+01:00");
}

TEST_CASE("a midnight that clocks skip or show twice") {
    // Clocks in Santiago went from 24:00 to 01:00, and from 24:00 back to 23:00.
    const TimeZone santiago = zone("America/Santiago");
    CHECK(santiago.day_begin(moment_at("2025-09-07T12:00:00Z")) == moment_at("2025-09-07T04:00:00Z"));
    CHECK(santiago.next_day(moment_at("2025-04-05T12:00:00Z")) == moment_at("2025-04-06T04:00:00Z"));
    CHECK(santiago.next_day(moment_at("2025-04-05T12:00:00Z")) -
              santiago.day_begin(moment_at("2025-04-05T12:00:00Z")) ==
          25 * hour);
}

TEST_CASE("the hours of a day follow each other, the one that comes twice as two") {
    const TimeZone berlin = zone("Europe/Berlin");
    std::vector<std::string> hours;
    const UnixMicros end = berlin.next_day(moment_at("2026-10-25T10:00:00Z"));
    for (UnixMicros t = berlin.day_begin(moment_at("2026-10-25T10:00:00Z")); t < end; t = berlin.next_hour(t))
        hours.push_back(berlin.text(t));
    REQUIRE(hours.size() == 25);
    CHECK(hours[2] == "2026-10-25T02:00:00+02:00");
    CHECK(hours[3] == "2026-10-25T02:00:00+01:00");
    // Half an hour off.
    CHECK(zone("Asia/Kolkata").hour_begin(moment_at("2026-01-01T00:10:00Z")) == moment_at("2025-12-31T23:30:00Z"));
}

TEST_CASE("what is no time zone is refused") {
    for (const char* name :
         {"", "Mars/Olympus", "/etc/passwd", "../../etc/passwd", "Europe/../../../etc/passwd", ":UTC"})
        CHECK_FALSE(TimeZone::named(name).has_value());
    CHECK(TimeZone::named("UTC")->day_begin(moment_at("2026-01-01T23:59:59Z")) == moment_at("2026-01-01T00:00:00Z"));
    CHECK(TimeZone::named("local").has_value());
    CHECK_FALSE(TimeZone::utc().date("2026-02-30").has_value());
    CHECK_FALSE(TimeZone::utc().date("2026-2-3").has_value());
}
