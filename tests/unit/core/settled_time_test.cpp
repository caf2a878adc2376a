#include "core/os/settled_time.hpp"

#include <doctest/doctest.h>

#include "../world.hpp"

using namespace lurus;

TEST_CASE("a clock that was set forward deletes nothing before it has stayed so for a day") {
    constexpr std::int64_t hour = 3600'000'000, year = 365 * 24 * hour;
    test::SetClock clock;
    SettledTime settled(clock);
    CHECK(settled.now() == clock.now());
    clock.time += hour;
    CHECK(settled.now() == clock.now());

    clock.ahead = year;
    CHECK(settled.now() == clock.time);
    clock.time += 23 * hour;
    CHECK(settled.now() == clock.time);
    clock.ahead = 0;
    CHECK(settled.now() == clock.time);

    // Back at once, and forward after a day of no other change.
    clock.ahead = -year;
    CHECK(settled.now() == clock.now());
    clock.ahead = 0;
    CHECK(settled.now() == clock.time - year);
    clock.time += 20 * hour;
    CHECK(settled.now() == clock.time - year);
    clock.ahead = hour;
    CHECK(settled.now() == clock.time - year);
    clock.time += 23 * hour;
    CHECK(settled.now() == clock.time - year);
    clock.time += hour;
    CHECK(settled.now() == clock.now());
    clock.time += hour;
    CHECK(settled.now() == clock.now());
}
