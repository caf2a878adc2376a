#include "modules/signin/throttle.hpp"

#include <thread>
#include <vector>

#include "clock.hpp"

using namespace lurus;
using namespace lurus::signin;
using namespace lurus::test;

TEST_CASE("failures in a row make the wait double up to a bound; success ends it") {
    Throttle throttle;
    UnixMicros now = SetClock().now();
    for (int i = 0; i < 4; ++i) CHECK(throttle.begin("alice", now) == 0);
    CHECK(throttle.wait("alice", now) == 0);
    CHECK(throttle.begin("alice", now) == 0);
    std::int64_t expected = 30 * second;
    for (int i = 0; i < 8; ++i) {
        CHECK(throttle.wait("alice", now) == expected);
        CHECK(throttle.begin("alice", now) == expected);  // refused, and not counted
        now += expected;
        CHECK(throttle.begin("alice", now) == 0);
        expected = std::min(expected * 2, 900 * second);
    }
    CHECK(expected == 900 * second);
    CHECK(throttle.wait("bob", now) == 0);
    throttle.succeed("alice");
    CHECK(throttle.wait("alice", now) == 0);
    for (int i = 0; i < 4; ++i) CHECK(throttle.begin("alice", now) == 0);
    CHECK(throttle.wait("alice", now) == 0);
}

TEST_CASE("old failures are forgotten, and the memory is bounded") {
    Throttle throttle(
        {.free_failures = 2, .first_wait = second, .longest_wait = minute, .forget_after = hour, .max_entries = 50});
    UnixMicros now = SetClock().now();
    throttle.begin("alice", now);
    now += hour + 1;
    CHECK(throttle.begin("alice", now) == 0);
    CHECK(throttle.wait("alice", now) == 0);
    CHECK(throttle.begin("alice", now + 1) == 0);
    CHECK(throttle.wait("alice", now + 1) == second);
    // A flood of names pushes the oldest out, never the newest.
    for (int i = 0; i < 1000; ++i) throttle.begin("name " + std::to_string(i), now + 2 + i);
    CHECK(throttle.begin("name 999", now + 2000) == 0);
    CHECK(throttle.wait("name 999", now + 2000) == second);
}

TEST_CASE("many guesses at once do not slip through") {
    Throttle throttle;
    const UnixMicros now = SetClock().now();
    std::atomic<int> judged = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < 100; ++i) judged += throttle.begin("alice", now) == 0 ? 1 : 0;
        });
    }
    for (auto& thread : threads) thread.join();
    CHECK(judged == 5);
}

TEST_CASE("an IPv6 network counts as one address") {
    CHECK(throttle_address("2001:db8:1:2:3:4:5:6") == throttle_address("2001:db8:1:2::1"));
    CHECK(throttle_address("2001:db8:1:2::1") != throttle_address("2001:db8:1:3::1"));
    CHECK(throttle_address("192.0.2.1") == "192.0.2.1");
    CHECK(throttle_address("::ffff:192.0.2.1") == "192.0.2.1");
    CHECK(throttle_address("127.0.0.1").empty());
    CHECK(throttle_address("::1").empty());
    CHECK(throttle_address("::ffff:127.0.0.1").empty());
    CHECK(throttle_address("").empty());
}
