#include "modules/signin/remembered_failure.hpp"

#include <doctest/doctest.h>

using namespace lurus;
using namespace lurus::signin;

namespace {

constexpr std::int64_t s = 1'000'000;

Error away(const char* text) {
    return Error(ErrorCode::unavailable, text);
}

}  // namespace

TEST_CASE("a failure is everybody's until it has rested, and then one tries") {
    RememberedFailure failure;
    CHECK_FALSE(failure.before_try(0).has_value());
    CHECK_FALSE(failure.before_try(0).has_value());  // nothing failed: as many as like
    failure.failed(10 * s, away("first"));
    failure.failed(10 * s + 1, away("began with the first"));
    CHECK(failure.before_try(10 * s + 2).value().message == "began with the first");
    CHECK(failure.recent(11 * s - 1).has_value());
    CHECK_FALSE(failure.recent(11 * s).has_value());
    CHECK_FALSE(failure.before_try(11 * s).has_value());
    CHECK(failure.before_try(11 * s).has_value());  // somebody tries already
    failure.succeeded();
    CHECK_FALSE(failure.before_try(11 * s).has_value());
}

TEST_CASE("the rest doubles, up to eight seconds, and begins anew after a success") {
    RememberedFailure failure;
    std::int64_t now = 0;
    for (const std::int64_t rest : {1, 2, 4, 8, 8, 8}) {
        CAPTURE(rest);
        CHECK_FALSE(failure.before_try(now).has_value());
        failure.failed(now, away("x"));
        CHECK(failure.before_try(now + rest * s - 1).has_value());
        now += rest * s;
    }
    failure.succeeded();
    failure.failed(now, away("x"));
    CHECK_FALSE(failure.before_try(now + s).has_value());
}

TEST_CASE("a try that came to nothing leaves the next to try") {
    RememberedFailure failure;
    failure.failed(0, away("x"));
    CHECK_FALSE(failure.before_try(s).has_value());
    failure.undecided();
    CHECK_FALSE(failure.before_try(s).has_value());
    // It never said how it ended.
    CHECK(failure.before_try(2 * s).has_value());
    CHECK_FALSE(failure.before_try(62 * s).has_value());
}
