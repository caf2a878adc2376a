// The stored flags of two processes over one database.
#include <doctest/doctest.h>

#include "app/backend.hpp"
#include "control/state/flags.hpp"
#include "tests/unit/scratch.hpp"

using namespace lurus;
using namespace lurus::app;
using namespace lurus::control;

TEST_CASE("stored flags: what another process set is new until it is in force") {
    test::Scratch scratch;
    const auto here = make_backend_sqlite(scratch.dir() / "lurus.db");
    const auto there = make_backend_sqlite(scratch.dir() / "lurus.db");
    REQUIRE(here.has_value());
    REQUIRE(there.has_value());
    StoredFlags one((*here)->flags()), two((*there)->flags());
    const auto is_new = [](StoredFlags& flags) {
        const auto changed = flags.refresh();
        REQUIRE(changed.has_value());
        return *changed;
    };
    CHECK_FALSE(is_new(one));
    CHECK_FALSE(is_new(two));
    REQUIRE(one.set("log.bodies", "all", 100, {}).has_value());
    CHECK(is_new(one));
    one.in_force();
    CHECK_FALSE(is_new(one));
    CHECK(two.all().empty());
    CHECK(is_new(two));
    CHECK(is_new(two));
    two.in_force();
    CHECK_FALSE(is_new(two));
    CHECK(two.all().at("log.bodies") == "all");

    const auto version = two.version_of("log.bodies");
    REQUIRE(version != 0);
    REQUIRE(one.set("log.bodies", "none", 200, {}).has_value());
    // Refused, and what was seen on the way is not forgotten.
    const auto late = two.set("log.bodies", "errors", 300, version);
    REQUIRE_FALSE(late.has_value());
    CHECK(late.error().code == ErrorCode::stale);
    CHECK(is_new(two));
    CHECK(two.all().at("log.bodies") == "none");
    two.in_force();
    REQUIRE(two.unset("log.bodies", {}).has_value());
    CHECK(is_new(one));
    CHECK(one.all().empty());
    REQUIRE(one.unset("log.bodies", {}).has_value());
}
