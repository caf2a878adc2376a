#include "core/os/watched_file.hpp"

#include <doctest/doctest.h>

#include "tests/unit/scratch.hpp"

using namespace lurus;
using Look = WatchedFile::Look;

TEST_CASE("watched file: one that is not known yet tells of what it holds when it has settled") {
    const test::Scratch scratch;
    WatchedFile watched(scratch.write("key", "one"));
    CHECK(watched.look() == Look::same);
    CHECK(watched.settling());
    CHECK(watched.look() == Look::changed);
    CHECK_FALSE(watched.settling());
    CHECK(watched.take_text().value() == "one");
    CHECK(watched.look() == Look::same);
}

TEST_CASE("watched file: one that is too large is told, and cannot be read") {
    const test::Scratch scratch;
    WatchedFile watched(scratch.write("key", "one"), 8);
    watched.take_as_known();
    scratch.write("key", "more than eight bytes");
    CHECK(watched.look() == Look::same);
    CHECK(watched.look() == Look::changed);
    CHECK_FALSE(watched.take_text().has_value());
    CHECK(watched.look() == Look::same);
}
