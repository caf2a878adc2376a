#ifndef _WIN32

#include "core/platform.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <algorithm>

namespace lurus {
namespace {

TEST_CASE("a process gets the open files that it asks for, and keeps those it has") {
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    rlimit low{std::min<rlim_t>(before.rlim_max, 512), before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &low) == 0);

    CHECK(platform::raise_open_files(100) == low.rlim_cur);
    const rlim_t wanted = std::min<rlim_t>(before.rlim_max, 700);
    CHECK(platform::raise_open_files(wanted) == wanted);
    rlimit now{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &now) == 0);
    CHECK(now.rlim_cur == wanted);
    // Above what the system allows to anybody it gets what there is.
    CHECK(platform::raise_open_files(std::uint64_t{1} << 40) == before.rlim_max);

    REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
}

}  // namespace
}  // namespace lurus

#endif
