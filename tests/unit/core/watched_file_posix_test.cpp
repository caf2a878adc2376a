#include <doctest/doctest.h>
#include <sys/stat.h>

#include "core/os/watched_file.hpp"
#include "tests/unit/scratch.hpp"

using namespace lurus;

TEST_CASE("watched file: a pipe is never read again, and never away") {
    const test::Scratch scratch;
    const auto pipe = scratch.dir() / "pipe";
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    CHECK(is_stream(pipe));
    CHECK(is_stream("/dev/null"));
    CHECK_FALSE(is_stream(scratch.dir()));
    CHECK_FALSE(is_stream(scratch.dir() / "none"));
    WatchedFile watched(pipe);
    watched.take_as_known();  // nobody writes: to read it would wait for ever
    for (int i = 0; i < 5; ++i) CHECK(watched.look() == WatchedFile::Look::same);
}
