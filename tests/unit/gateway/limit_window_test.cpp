#include "modules/gateway/limits/limit_window.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <random>
#include <thread>
#include <vector>

namespace limit_window_test {

using namespace lurus::gateway;

namespace {

constexpr std::int64_t second = 1'000'000;
constexpr std::int64_t slot = SlidingWindow::slot_us;

// What was taken, for looking at every 60 seconds of it.
struct Taken {
    std::int64_t at = 0;
    std::int64_t amount = 0;
};

std::int64_t most_in_a_minute(const std::vector<Taken>& all) {
    std::int64_t most = 0;
    std::int64_t sum = 0;
    std::size_t first = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
        sum += all[i].amount;
        while (all[i].at - all[first].at >= 60 * second) sum -= all[first++].amount;
        most = std::max(most, sum);
    }
    return most;
}

}  // namespace

TEST_CASE("a sliding window takes the limit, and again when a minute is over") {
    SlidingWindow window;
    for (int i = 0; i < 100; ++i) CHECK(window.take(7, 1, 100).has_value());
    CHECK_FALSE(window.take(8, 1, 100));
    CHECK(window.used(8) == 100);
    const std::int64_t wait = window.wait_us(8, 1, 100);
    CHECK(wait >= 60 * second - 8);
    CHECK(wait <= 60 * second + slot);
    CHECK_FALSE(window.take(8 + wait - 1, 1, 100));
    CHECK(window.take(8 + wait, 1, 100));
    CHECK(window.used(8 + wait) == 1);
}

TEST_CASE("what was given back may be taken again, once") {
    SlidingWindow window;
    const auto booked = window.take(0, 80, 100);
    REQUIRE(booked);
    CHECK_FALSE(window.take(1, 30, 100));
    window.give_back(*booked, 70);
    CHECK(window.used(1) == 10);
    CHECK(window.take(1, 90, 100));
    CHECK_FALSE(window.take(1, 1, 100));
    // Its slot left the window meanwhile: nothing to give back.
    const std::int64_t later = 61 * second;
    const auto next = window.take(later, 100, 100);
    REQUIRE(next);
    window.give_back(*booked, 10);
    CHECK(window.used(later) == 100);
}

TEST_CASE("what is added beyond the limit counts, and leaves with its slot") {
    SlidingWindow window;
    window.add(0, 500);
    CHECK(window.used(0) == 500);
    CHECK_FALSE(window.take(30 * second, 1, 100));
    CHECK(window.empty_in_us(30 * second) > 29 * second);
    CHECK(window.take(61 * second, 100, 100));
}

TEST_CASE("a clock that another shard has read later does no harm") {
    SlidingWindow window;
    CHECK(window.take(200 * second, 50, 100));
    CHECK(window.take(199 * second, 50, 100));
    CHECK_FALSE(window.take(198 * second, 1, 100));
    CHECK(window.used(200 * second) == 100);
}

TEST_CASE("no 60 seconds hold more than the limit, and a request that fits is never refused") {
    std::mt19937 random(11);
    for (int round = 0; round < 60; ++round) {
        SlidingWindow window;
        const std::int64_t limit = 1 + static_cast<std::int64_t>(random() % 200);
        std::int64_t now = static_cast<std::int64_t>(random() % 1'000'000);
        std::vector<Taken> all;
        for (int i = 0; i < 3000; ++i) {
            now += static_cast<std::int64_t>(random() % (random() % 20 == 0 ? 30'000'000 : 300'000));
            const std::int64_t amount = std::min<std::int64_t>(1 + static_cast<std::int64_t>(random() % 10), limit);
            const std::int64_t wait = window.wait_us(now, amount, limit);
            const bool taken = window.take(now, amount, limit).has_value();
            REQUIRE(taken == (wait == 0));
            if (taken) {
                all.push_back({now, amount});
                continue;
            }
            // What was taken within the last minute and the slot that it may count longer.
            std::int64_t counted = 0;
            for (auto each = all.rbegin(); each != all.rend() && now - each->at < 60 * second + slot; ++each)
                counted += each->amount;
            REQUIRE(counted + amount > limit);
        }
        REQUIRE(most_in_a_minute(all) <= limit);
    }
}

TEST_CASE("the wait that is promised is enough, and not a slot longer than needed") {
    std::mt19937 random(5);
    for (int round = 0; round < 200; ++round) {
        SlidingWindow window;
        TokenBucket bucket;
        const std::int64_t limit = 1 + static_cast<std::int64_t>(random() % 50);
        std::int64_t now = 0;
        for (int i = 0; i < 200; ++i) {
            now += static_cast<std::int64_t>(random() % 1'500'000);
            window.take(now, 1, limit);
            bucket.take(now, 1, limit);
        }
        if (const std::int64_t wait = window.wait_us(now, 1, limit); wait > 0) {
            CHECK_FALSE(window.take(now + wait - 1, 1, limit));
            CHECK(window.take(now + wait, 1, limit));
        }
        if (const std::int64_t wait = bucket.wait_us(now, 1, limit); wait > 0) {
            CHECK_FALSE(bucket.take(now + wait - 1, 1, limit));
            CHECK(bucket.take(now + wait, 1, limit));
        }
    }
}

TEST_CASE("a bucket gives exactly its limit at once, then one unit after the other") {
    for (const std::int64_t limit : {1, 3, 7, 100, 999, 100'000, 7'000'001}) {
        TokenBucket bucket;
        const std::int64_t step = std::max<std::int64_t>(limit / 50, 1);
        for (std::int64_t taken = 0; taken < limit; taken += std::min(step, limit - taken))
            REQUIRE(bucket.take(5, std::min(step, limit - taken), limit));
        CHECK_FALSE(bucket.take(5, 1, limit));
        CHECK(bucket.used(5, limit) == limit);
        const std::int64_t wait = bucket.wait_us(5, 1, limit);
        CHECK(wait <= 60 * second / limit + 1);
        CHECK(bucket.take(5 + wait, 1, limit));
        CHECK_FALSE(bucket.take(5 + wait, limit, limit));
    }
}

TEST_CASE("a bucket's refund is worth what has not drained") {
    TokenBucket bucket;
    CHECK(bucket.take(0, 60, 60));
    bucket.give_back(60, 60);
    CHECK(bucket.take(0, 60, 60));
    // Half a minute later half has drained; giving all back cannot make more than the whole.
    bucket.give_back(60, 60);
    CHECK(bucket.take(30 * second, 60, 60));
    CHECK_FALSE(bucket.take(30 * second, 1, 60));
}

TEST_CASE("a bucket stays as full as it was when its limit changes") {
    TokenBucket bucket;
    CHECK(bucket.take(0, 50, 100));
    CHECK(bucket.used(0, 10) == 5);
    CHECK(bucket.take(0, 5, 10));
    CHECK_FALSE(bucket.take(0, 1, 10));
}

TEST_CASE("several threads take exactly the limit together") {
    constexpr int threads = 4;
    constexpr std::int64_t limit = 5000;
    for (int round = 0; round < 50; ++round) {
        SlidingWindow window;
        TokenBucket bucket;
        std::atomic<std::int64_t> slid = 0;
        std::atomic<std::int64_t> dripped = 0;
        std::atomic<int> ready = 0;
        std::vector<std::thread> all;
        for (int t = 0; t < threads; ++t) {
            all.emplace_back([&, t] {
                ready.fetch_add(1);
                while (ready.load() < threads) std::this_thread::yield();
                std::mt19937 random(static_cast<unsigned>(round * threads + t));
                for (int i = 0; i < limit; ++i) {
                    // Clocks of different threads differ a little; they stay within one slot of the window's minute.
                    const std::int64_t now = static_cast<std::int64_t>(random() % 50) * second;
                    const auto booked = window.take(now, 1, limit);
                    if (booked && random() % 4 == 0) {
                        window.give_back(*booked, 1);
                    } else if (booked) {
                        slid.fetch_add(1);
                    }
                    if (bucket.take(0, 1, limit)) dripped.fetch_add(1);
                }
            });
        }
        for (auto& thread : all) thread.join();
        REQUIRE(slid.load() <= limit);
        REQUIRE(window.used(50 * second) == slid.load());
        while (window.take(50 * second, 1, limit)) slid.fetch_add(1);
        REQUIRE(slid.load() == limit);
        REQUIRE(dripped.load() == limit);
    }
}

TEST_CASE("threads that roll the window on together lose and invent nothing") {
    constexpr int threads = 4;
    constexpr std::int64_t limit = 300;
    for (int round = 0; round < 50; ++round) {
        SlidingWindow window;
        std::atomic<std::int64_t> clock = 0;
        std::vector<std::thread> all;
        for (int t = 0; t < threads; ++t) {
            all.emplace_back([&, t] {
                for (int i = 0; i < 2000; ++i) {
                    const std::int64_t now = clock.fetch_add(70'000);
                    const auto booked = window.take(now, 1, limit);
                    if (booked && i % 3 == 0) window.give_back(*booked, 1);
                    if (i % 100 == t) window.add(now, 5);
                }
            });
        }
        for (auto& thread : all) thread.join();
        const std::int64_t end = clock.load() + 61 * second;
        REQUIRE(window.used(end) == 0);
        REQUIRE(window.take(end, limit, limit));
    }
}

}  // namespace limit_window_test
