#include "core/os/platform.hpp"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "core/os/control_group.hpp"

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

TEST_CASE("a thread counts the processors that it is bound to") {
    const int all = platform::usable_processors();
    CHECK(all >= 1);
    int one = 0;
    std::thread([&one] {
        cpu_set_t bound, first;
        CPU_ZERO(&first);
        REQUIRE(::sched_getaffinity(0, sizeof bound, &bound) == 0);
        int at = 0;
        while (!CPU_ISSET(at, &bound)) ++at;
        CPU_SET(at, &first);
        REQUIRE(::sched_setaffinity(0, sizeof first, &first) == 0);
        one = platform::usable_processors();
    }).join();
    CHECK(one == 1);
    CHECK(platform::usable_processors() == all);
}

TEST_CASE("the smallest quota of a control group and of those above it holds") {
    const auto root = std::filesystem::temp_directory_path() / ("lurus-cgroup-" + std::to_string(::getpid()));
    std::filesystem::create_directories(root / "a/b");
    const auto set = [&](const char* group, const char* text) { std::ofstream(root / group / "cpu.max") << text; };
    const auto quota = [&](const char* group) { return platform::processor_quota(root, group); };
    CHECK_FALSE(quota("/a/b").has_value());
    set("a", "max 100000\n");
    CHECK_FALSE(quota("/a/b").has_value());
    set("a/b", "200000 100000\n");
    CHECK(quota("/a/b") == 2.0);
    CHECK_FALSE(quota("/a").has_value());
    set("a", "150000 100000\n");
    CHECK(quota("/a/b") == 1.5);
    set(".", "5000 10000\n");
    CHECK(quota("/a/b") == 0.5);
    CHECK(quota("/") == 0.5);
    CHECK(quota("/is/not/here") == 0.5);
    for (const char* none : {"", "x y", "100000", "0 100000", "100000 0", "-1 100000"}) {
        set(".", none);
        CHECK_FALSE(quota("/").has_value());
    }
    std::filesystem::remove_all(root);
}

TEST_CASE("a control group's memory is the least of its own and of those above it") {
    const auto root = std::filesystem::temp_directory_path() / ("lurus-memory-" + std::to_string(::getpid()));
    std::filesystem::create_directories(root / "a/b");
    const auto set = [&](const char* group, const char* text) { std::ofstream(root / group / "memory.max") << text; };
    const auto quota = [&](const char* group) { return platform::memory_quota(root, group); };
    CHECK_FALSE(quota("/a/b").has_value());
    set("a", "max\n");
    CHECK_FALSE(quota("/a/b").has_value());
    set("a/b", "2000000\n");
    CHECK(quota("/a/b") == 2'000'000u);
    CHECK_FALSE(quota("/a").has_value());
    set(".", "1000000\n");
    CHECK(quota("/a/b") == 1'000'000u);
    std::filesystem::remove_all(root);
    CHECK(platform::usable_memory() > 1 << 20);
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
