#include "modules/gateway/server/body_budget.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <thread>
#include <vector>

using namespace lurus::gateway;

TEST_CASE("body budget: what is given back is the first's in line") {
    BodyBudget budget(100);
    REQUIRE(budget.try_take(60));
    CHECK_FALSE(budget.try_take(41));
    int told = 0;
    const auto large = budget.wait(90, [&] { ++told; });
    const auto small = budget.wait(10, [&] { ++told; });
    CHECK_FALSE(large->granted);
    CHECK_FALSE(small->granted);
    CHECK(budget.wanted());
    CHECK_FALSE(budget.try_take(1));  // others wait for longer
    budget.give(60);
    CHECK(large->granted);
    CHECK(small->granted);
    CHECK(told == 2);
    CHECK(budget.used() == 100);
    CHECK_FALSE(budget.wanted());
    budget.give(100);
    CHECK(budget.try_take(100));
}

TEST_CASE("body budget: who leaves makes way, with what was granted") {
    BodyBudget budget(100);
    REQUIRE(budget.try_take(50));
    const auto large = budget.wait(80, [] {});
    const auto small = budget.wait(50, [] {});
    budget.leave(large);
    CHECK(small->granted);
    budget.leave(small);
    CHECK(budget.used() == 50);
    budget.give(50);
    budget.leave(budget.wait(100, [] {}));
    CHECK(budget.used() == 0);
}

TEST_CASE("body budget: another capacity holds at once, and nobody is told after the end") {
    BodyBudget budget(10);
    bool told = false;
    const auto waiter = budget.wait(50, [&] { told = true; });
    budget.set_capacity(100);
    CHECK(told);
    told = false;
    const auto late = budget.wait(60, [&] { told = true; });
    budget.close();
    budget.give(50);
    CHECK_FALSE(told);
    budget.leave(late);
    CHECK(budget.used() == 0);
}

TEST_CASE("body budget: an end of the request gives all of it back") {
    BodyBudget budget(100);
    {
        BodyRoom room;
        REQUIRE(budget.try_take(30));
        room.own(budget, 30);
        REQUIRE(budget.try_take(40));
        room.own(budget, 40);
        CHECK(room.bytes() == 70);
    }
    CHECK(budget.used() == 0);
}

TEST_CASE("body budget: threads that take, wait and leave never hold more than there is, and nobody is forgotten") {
    BodyBudget budget(100);
    std::atomic<std::int64_t> held = 0;
    std::atomic<bool> good = true;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&, t] {
            for (int i = 0; i < 2000; ++i) {
                const std::int64_t bytes = 20 + (i * 7 + t * 13) % 60;
                if (!budget.try_take(bytes)) {
                    const auto waiter = budget.wait(bytes, [] {});
                    if (i % 5 == 0) {
                        budget.leave(waiter);
                        continue;
                    }
                    while (!waiter->granted) std::this_thread::yield();
                }
                if ((held += bytes) > 100) good = false;
                held -= bytes;
                budget.give(bytes);
            }
        });
    }
    for (auto& thread : threads) thread.join();
    CHECK(good);
    CHECK(budget.used() == 0);
    CHECK_FALSE(budget.wanted());
}
