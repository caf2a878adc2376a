#include <doctest/doctest.h>

#include "core/os/child.hpp"

namespace lurus {
namespace {

using platform::run_child;

TEST_CASE("a child's output and end come back") {
    const auto end = run_child({"sh", "-c", "echo out; echo err >&2; exit 3"}, 10'000);
    REQUIRE(end);
    CHECK(end->out == "out\nerr\n");
    CHECK(end->exit_code == 3);
    CHECK(run_child({"sh", "-c", "kill -TERM $$"}, 10'000)->exit_code == 128 + 15);
    CHECK(run_child({"sh", "-c", "cat"}, 10'000)->out.empty());  // it reads nothing
    CHECK(run_child({"there-is-no-such-program"}, 10'000).error().code == ErrorCode::not_found);
}

TEST_CASE("a child that does not end is ended, also when nobody hears of it any more") {
    CHECK(run_child({"sleep", "1000"}, 100).error().code == ErrorCode::timeout);
    CHECK(run_child({"sh", "-c", "exec >/dev/null 2>&1; sleep 1000"}, 100).error().code == ErrorCode::timeout);
}

}  // namespace
}  // namespace lurus
