#ifndef _WIN32

#include "core/platform.hpp"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <string>

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

std::int64_t resident_pages() {
    std::ifstream file("/proc/self/statm");
    std::int64_t size = 0, resident = 0;
    file >> size >> resident;
    return resident;
}

TEST_CASE("what starting up needed is given back") {
    const std::int64_t before = resident_pages();
    REQUIRE(before > 0);
    platform::release_startup_memory();
    CHECK(resident_pages() < before);
}

TEST_CASE("a socket that sends unpaced does so whatever the system's congestion control is") {
    const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
    REQUIRE(socket >= 0);
    platform::send_unpaced(socket);
    char name[16]{};
    socklen_t size = sizeof name;
    REQUIRE(::getsockopt(socket, IPPROTO_TCP, TCP_CONGESTION, name, &size) == 0);
    CHECK(std::string(name) == "reno");
    ::close(socket);
}

}  // namespace
}  // namespace lurus

#endif
