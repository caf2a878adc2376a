#include "modules/gateway/limits/limit_admission.hpp"

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

using namespace lurus;
using namespace lurus::gateway;

namespace {

constexpr std::int64_t second = 1'000'000;
constexpr UnixMicros noon = 1'795'262'400'000'000;  // Saturday, 2026-11-21T12:00:00Z

LimitedSubject key(const Limits& limits, std::string_view id = "k") {
    LimitedSubject subject;
    subject.id = subject.name = id;
    subject.limits = limits;
    return subject;
}

struct Desk {
    LimitTable table{0};
    LimitCache cache{table};

    std::expected<Admission, Refusal> ask(const std::vector<LimitedSubject>& subjects,
                                          const RequestEstimate& estimate = {}, std::int64_t now_us = 0,
                                          UnixMicros now = noon) {
        return admit(cache, subjects, estimate, now_us, now);
    }
};

RequestEstimate tokens(std::int64_t input, std::int64_t output) {
    RequestEstimate estimate;
    estimate.input_tokens = input;
    estimate.output_tokens = output;
    return estimate;
}

Limits limits(std::int64_t Limits::* member, std::int64_t value) {
    Limits out;
    out.*member = value;
    return out;
}

Budget budget(std::string_view text) {
    return *Budget::parse(text);
}

}  // namespace

TEST_CASE("admission: what is over a limit is refused with the limit's name and how long to wait") {
    Desk desk;
    const auto subject = key(limits(&Limits::rpm, 2), "ci");
    std::vector<Admission> all;
    for (int i = 0; i < 2; ++i) all.push_back(*desk.ask({subject}));
    const auto refused = desk.ask({subject});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().subject == Subject::key);
    CHECK(refused.error().name == "ci");
    CHECK(refused.error().what == Refusal::What::requests);
    CHECK(refused.error().limit == 2);
    const std::int64_t wait = refused.error().wait_us.value();
    CHECK_FALSE(desk.ask({subject}, {}, wait - 1));
    CHECK(desk.ask({subject}, {}, wait));
    CHECK(desk.ask({key(limits(&Limits::rpm, 2), "other")}));
}

TEST_CASE("admission: all or nothing over several subjects, and the longest wait is told") {
    Desk desk;
    LimitedSubject user = key(limits(&Limits::tpm, 1000), "alice");
    user.subject = Subject::user;
    const auto first = desk.ask({key(limits(&Limits::rpm, 10)), user}, tokens(900, 0), 30 * second);
    REQUIRE(first);
    // The user has no room for 200 more: the key's requests stay as they are.
    for (int i = 0; i < 20; ++i) {
        const auto refused = desk.ask({key(limits(&Limits::rpm, 10)), user}, tokens(200, 0), 30 * second);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().subject == Subject::user);
        CHECK(refused.error().what == Refusal::What::tokens);
    }
    for (int i = 0; i < 9; ++i) CHECK(desk.ask({key(limits(&Limits::rpm, 10))}, {}, 31 * second));
    const auto both = desk.ask({key(limits(&Limits::rpm, 10)), user}, tokens(200, 0), 32 * second);
    REQUIRE_FALSE(both);
    CHECK(desk.ask({key(limits(&Limits::rpm, 10)), user}, tokens(200, 0), 32 * second + *both.error().wait_us));
}

TEST_CASE("admission: tokens are corrected to what was used") {
    for (const WindowKind window : {WindowKind::sliding, WindowKind::bucket}) {
        CAPTURE(name_of(window));
        Desk desk;
        Limits all;
        all.tpm = 1000;
        all.itpm = 600;
        all.otpm = 600;
        all.window = window;
        auto taken = desk.ask({key(all)}, tokens(100, 500));
        REQUIRE(taken);
        CHECK_FALSE(desk.ask({key(all)}, tokens(100, 500)));
        taken->settle(Admission::Used{150, 20, {}}, 0);
        CHECK(taken->status(Measure::tokens, 0)->remaining == 830);
        CHECK(taken->status(Measure::input_tokens, 0)->remaining == 450);
        CHECK(taken->status(Measure::output_tokens, 0)->remaining == 580);
        taken->settle(Admission::Used{0, 0, {}}, 0);  // the first one counts
        CHECK(taken->status(Measure::tokens, 0)->remaining == 830);
        // More than estimated, beyond the limit: it counts all the same.
        auto more = desk.ask({key(all)}, tokens(1, 1));
        REQUIRE(more);
        more->settle(Admission::Used{10, 5000, {}}, 0);
        CHECK(more->status(Measure::tokens, 0)->remaining == 0);
        CHECK_FALSE(desk.ask({key(all)}, tokens(1, 0), 59 * second));
    }
}

TEST_CASE("admission: an estimate above the whole limit passes when nothing else has") {
    Desk desk;
    const auto subject = key(limits(&Limits::tpm, 1000));
    auto huge = desk.ask({subject}, tokens(50'000, 32'000));
    REQUIRE(huge);
    const auto refused = desk.ask({subject}, tokens(50'000, 32'000));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().wait_us.has_value());
    huge->settle(Admission::Used{100, 50, {}}, 0);
    CHECK(huge->status(Measure::tokens, 0)->remaining == 850);
}

TEST_CASE("admission: a place is given back once, however the request ends") {
    Desk desk;
    const auto subject = key(limits(&Limits::concurrency, 2));
    auto a = desk.ask({subject});
    REQUIRE(a);
    {
        const auto b = desk.ask({subject});
        REQUIRE(b);
        const auto refused = desk.ask({subject});
        REQUIRE_FALSE(refused);
        CHECK(refused.error().what == Refusal::What::concurrency);
        CHECK(refused.error().waits_for_running);
    }
    Admission moved = *std::move(a);
    moved.leave();
    moved.leave();
    moved = Admission();
    const auto c = desk.ask({subject});
    const auto d = desk.ask({subject});
    CHECK(c);
    CHECK(d);
    CHECK_FALSE(desk.ask({subject}));
}

TEST_CASE("admission: what was no request after all leaves its place to another, and gives back nothing twice") {
    Desk desk;
    const auto subject = key(limits(&Limits::rpm, 1));
    Admission upgrade = *desk.ask({subject});
    CHECK_FALSE(desk.ask({subject}));
    upgrade.uncount_request();
    const auto turn = desk.ask({subject});
    CHECK(turn);
    upgrade.uncount_request();
    upgrade.settle({}, 0);
    CHECK_FALSE(desk.ask({subject}));
}

TEST_CASE("admission: a turn takes its model's place where the connection has the others") {
    Desk desk;
    LimitedSubject model = key(limits(&Limits::concurrency, 1), "m");
    model.subject = Subject::model;
    const auto own = key(limits(&Limits::concurrency, 1));
    RequestEstimate turn;
    turn.slot = false;
    turn.model_slot = true;
    std::vector<Admission> held;
    held.push_back(*desk.ask({own}));
    held.push_back(*desk.ask({own, model}, turn));
    const auto refused = desk.ask({own, model}, turn);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().name == "m");
    held.pop_back();
    CHECK(desk.ask({own, model}, turn));
}

TEST_CASE("admission: requests that run are counted before there is a limit on them") {
    Desk desk;
    Limits loose = limits(&Limits::rpm, 100);
    const auto a = desk.ask({key(loose)});
    const auto b = desk.ask({key(loose)});
    Limits strict = loose;
    strict.concurrency = 2;
    CHECK_FALSE(desk.ask({key(strict)}));
}

TEST_CASE("admission: a limit that changes goes on from what was counted") {
    Desk desk;
    for (int i = 0; i < 5; ++i) CHECK(desk.ask({key(limits(&Limits::rpm, 10))}));
    CHECK_FALSE(desk.ask({key(limits(&Limits::rpm, 5))}));
    CHECK(desk.ask({key(limits(&Limits::rpm, 6))}));
    CHECK_FALSE(desk.ask({key(limits(&Limits::rpm, 6))}));
}

TEST_CASE("admission: a budget holds estimates, books costs, and begins again with its window") {
    Desk desk;
    Limits money;
    money.budget = budget("1 USD/day");
    RequestEstimate estimate;
    estimate.cost = Money{400'000'000};
    auto a = desk.ask({key(money)}, estimate);
    auto b = desk.ask({key(money)}, estimate);
    auto c = desk.ask({key(money)}, estimate);
    REQUIRE((a && b && c));
    // 1.2 USD are held; nothing is spent yet.
    auto refused = desk.ask({key(money)}, estimate);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().what == Refusal::What::budget);
    CHECK(refused.error().waits_for_running);
    a->settle(Admission::Used{1, 1, Money{700'000'000}}, 0);
    b->settle(Admission::Used{1, 1, Money{100'000'000}}, 0);
    c->settle(Admission::Used{1, 1, Money{}}, 0);
    auto d = desk.ask({key(money)}, estimate);  // 0.8 USD are spent
    REQUIRE(d);
    d->settle(Admission::Used{1, 1, Money{200'000'000}}, 0);
    refused = desk.ask({key(money)}, estimate);
    REQUIRE_FALSE(refused);
    CHECK_FALSE(refused.error().waits_for_running);
    CHECK(refused.error().wait_us == 12 * 3600 * second);
    CHECK(desk.ask({key(money)}, estimate, 0, noon + 12 * 3600 * second));
    money.budget = budget("1 USD/total");
    CHECK(desk.ask({key(money)}, estimate));  // another window begins with what the log says
}

TEST_CASE("admission: a used-up budget stays so when the clock is set forward and back") {
    constexpr std::int64_t day = 24 * 3600 * second;
    for (const char* text : {"1 USD/day", "1 USD/week", "1 USD/month", "1 USD/total"}) {
        CAPTURE(text);
        Desk desk;
        Limits money;
        money.budget = budget(text);
        const bool total = money.budget->period == BudgetPeriod::total;
        const std::int64_t window = *money.budget == budget("1 USD/day") ? day : 31 * day;
        RequestEstimate estimate;
        estimate.cost = Money{400'000'000};
        auto before = desk.ask({key(money)}, estimate);
        auto running = desk.ask({key(money)}, estimate);
        REQUIRE((before && running));
        before->settle(Admission::Used{1, 1, Money{900'000'000}}, 0);

        // In another window it is another budget, of which something is used as well.
        for (int times = 0; times < 3; ++times) {
            CHECK(desk.ask({key(money)}, estimate, 0, noon + window).has_value() == !total);
            CHECK_FALSE(desk.ask({key(money)}, estimate));
        }
        // What ends while the clock is wrong counts in the window that it began in.
        auto other = desk.ask({key(money)}, estimate, 0, noon + window);
        running->settle(Admission::Used{1, 1, Money{100'000'000}}, 0);
        if (other) other->settle(Admission::Used{1, 1, Money{1'000'000'000}}, 0);
        auto refused = desk.ask({key(money)}, estimate);
        REQUIRE_FALSE(refused);
        CHECK_FALSE(refused.error().waits_for_running);
        if (total) continue;
        refused = desk.ask({key(money)}, estimate, 0, noon + window);
        REQUIRE_FALSE(refused);
        CHECK_FALSE(refused.error().waits_for_running);
        // Two wrong windows in between are remembered as well.
        CHECK(desk.ask({key(money)}, estimate, 0, noon + 2 * window));
        CHECK_FALSE(desk.ask({key(money)}, estimate));
        CHECK_FALSE(desk.ask({key(money)}, estimate, 0, noon + window));
    }
}

TEST_CASE("admission: shards on both sides of a window's end count each in its own") {
    for (int round = 0; round < 20; ++round) {
        LimitTable table(0);
        Limits money;
        money.budget = budget("1 USD/day");
        RequestEstimate estimate;
        estimate.cost = Money{100'000'000};
        constexpr std::int64_t midnight = noon + 12 * 3600 * second;
        std::array<std::atomic<int>, 2> passed{};
        {
            std::vector<std::jthread> shards;
            for (int shard = 0; shard < 4; ++shard) {
                shards.emplace_back([&, shard] {
                    LimitCache cache(table);
                    for (int i = 0; i < 200; ++i) {
                        const auto side = static_cast<std::size_t>((shard + i) % 2);
                        auto admitted =
                            admit(cache, std::vector{key(money)}, estimate, 0, midnight + (side == 0 ? -1 : 1));
                        if (!admitted) continue;
                        ++passed[side];
                        admitted->settle(Admission::Used{1, 1, Money{100'000'000}}, 0);
                    }
                });
            }
        }
        CHECK(passed[0] == 10);
        CHECK(passed[1] == 10);
    }
}

TEST_CASE("admission: a budget goes on from what the log has") {
    Desk desk;
    Limits money;
    money.budget = budget("1 USD/total");
    LimitedSubject subject = key(money);
    subject.spent_before = Money{900'000'000};
    RequestEstimate estimate;
    estimate.cost = Money{50'000'000};
    auto a = desk.ask({subject}, estimate);
    REQUIRE(a);
    a->settle(Admission::Used{1, 1, Money{150'000'000}}, 0);
    const auto refused = desk.ask({subject}, estimate);
    REQUIRE_FALSE(refused);
    CHECK_FALSE(refused.error().wait_us);
}

TEST_CASE("admission: money held by a request that ended without a record is free again") {
    Desk desk;
    Limits money;
    money.budget = budget("1 USD/month");
    RequestEstimate estimate;
    estimate.cost = Money{2'000'000'000};
    for (int i = 0; i < 10; ++i) CHECK(desk.ask({key(money)}, estimate));
}

TEST_CASE("table: what is idle is forgotten, what counts is not") {
    Desk desk;
    Limits money = limits(&Limits::rpm, 5);
    for (int i = 0; i < 1000; ++i) {
        const std::string id = std::to_string(i);
        CHECK(desk.ask({key(money, id)}));
    }
    money.budget = budget("1 USD/day");
    RequestEstimate estimate;
    estimate.cost = Money{1000};
    {
        auto spender = desk.ask({key(money, "spender")}, estimate);
        REQUIRE(spender);
        spender->settle(Admission::Used{1, 1, Money{500}}, 0);
    }
    const auto runner = desk.ask({key(money, "runner")});
    CHECK(desk.table.size() == 1002);
    // The shard lets go of what it has not used for two generations.
    for (const std::int64_t minute : {2, 4, 6}) desk.ask({key(money, "any")}, {}, minute * 60 * second);
    const std::int64_t later = 10 * 60 * second;
    for (std::size_t i = 0; i < LimitTable::stripes; ++i) desk.table.sweep(later, noon + later);
    CHECK(desk.table.size() <= 3);
    CHECK(desk.table.size() >= 2);
    const std::int64_t tomorrow = 24 * 3600 * second;
    for (std::size_t i = 0; i < LimitTable::stripes; ++i) desk.table.sweep(tomorrow, noon + tomorrow);
    CHECK(desk.table.size() >= 2);  // the clock may be set back
    for (std::size_t i = 0; i < LimitTable::stripes; ++i) desk.table.sweep(tomorrow, noon + 2 * tomorrow);
    CHECK(desk.table.size() <= 2);
}

TEST_CASE("table: addresses are bounded, and those without room of their own share one") {
    LimitTable table(0);
    for (std::size_t i = 0; i < 3 * LimitTable::max_addresses; ++i) {
        const auto state = table.get(Subject::ip, std::to_string(i), 0, noon);
        state->take(Measure::requests, limits(&Limits::rpm, 1'000'000), 0, 1);
    }
    CHECK(table.size() <= LimitTable::max_addresses);
    const auto late = table.get(Subject::ip, "late", 0, noon);
    CHECK(late->used(Measure::requests, limits(&Limits::rpm, 1'000'000), 0) > 1);
}

TEST_CASE("admission: 64 threads' worth of requests on several shards pass exactly as often as allowed") {
    constexpr int shards = 4;
    for (int round = 0; round < 50; ++round) {
        LimitTable table(0);
        Limits both = limits(&Limits::rpm, 100);
        both.window = round % 2 == 0 ? WindowKind::sliding : WindowKind::bucket;
        Limits narrow = limits(&Limits::concurrency, 5);
        std::atomic<int> passed = 0;
        std::atomic<int> running = 0;
        std::atomic<int> most = 0;
        std::atomic<int> ready = 0;
        std::vector<std::thread> all;
        for (int t = 0; t < shards; ++t) {
            all.emplace_back([&] {
                LimitCache cache(table);
                ready.fetch_add(1);
                while (ready.load() < shards) std::this_thread::yield();
                for (int i = 0; i < 400; ++i) {
                    const auto one = key(both, "counted");
                    if (admit(cache, std::span(&one, 1), RequestEstimate{}, i, noon)) passed.fetch_add(1);
                    const auto two = key(narrow, "narrow");
                    auto inside = admit(cache, std::span(&two, 1), RequestEstimate{}, i, noon);
                    if (!inside) continue;
                    const int now = running.fetch_add(1) + 1;
                    int seen = most.load();
                    while (seen < now && !most.compare_exchange_weak(seen, now)) {
                    }
                    std::this_thread::yield();
                    running.fetch_sub(1);
                }
            });
        }
        for (auto& thread : all) thread.join();
        REQUIRE(passed.load() == 100);
        REQUIRE(most.load() <= 5);
        REQUIRE(table.get(Subject::key, "narrow", 0, noon)->running() == 0);
    }
}

TEST_CASE("admission: budgets over several threads are exceeded by the last request only") {
    constexpr int shards = 4;
    LimitTable table(0);
    Limits money;
    money.budget = budget("1 USD/week");
    std::atomic<std::int64_t> spent = 0;
    std::vector<std::thread> all;
    for (int t = 0; t < shards; ++t) {
        all.emplace_back([&] {
            LimitCache cache(table);
            for (int i = 0; i < 2000; ++i) {
                const auto subject = key(money);
                RequestEstimate estimate;
                estimate.cost = Money{3'000'000};
                auto passed = admit(cache, std::span(&subject, 1), estimate, 0, noon);
                if (!passed) continue;
                passed->settle(Admission::Used{1, 1, Money{3'000'000}}, 0);
                spent.fetch_add(3'000'000);
            }
        });
    }
    for (auto& thread : all) thread.join();
    CHECK(spent.load() >= 1'000'000'000);
    CHECK(spent.load() < 1'003'000'000);
}

TEST_CASE("admission: what an attempt's model took is given back when another candidate is asked") {
    Desk desk;
    Limits model = limits(&Limits::tpm, 1000);
    model.rpm = 2;
    model.concurrency = 1;
    model.budget = budget("10 USD/day");
    LimitedSubject first = key(model, "first-*");
    first.subject = Subject::model;
    first.upstream = true;
    LimitedSubject second = first;
    second.id = second.name = "second-*";
    RequestEstimate estimate = tokens(600, 0);
    estimate.cost = Money{9'000'000'000};
    Admission admission = *desk.ask({key(limits(&Limits::rpm, 10)), first}, estimate);
    const StatePtr state = desk.cache.get(Subject::model, "first-*", 0, noon);
    CHECK(admission.holds(state));
    CHECK_FALSE(desk.ask({first}, estimate));
    admission.leave_upstream(0);
    CHECK_FALSE(admission.holds(state));
    CHECK(admission.limited());
    auto again = desk.ask({first}, estimate);
    REQUIRE(again);
    again->leave();
    const auto third = desk.ask({first}, tokens(1, 0));
    REQUIRE_FALSE(third);
    CHECK(third.error().what == Refusal::What::requests);  // the request itself stays counted
    admission.join(*desk.ask({second}, estimate));
    const auto full = desk.ask({second}, tokens(1, 0));
    REQUIRE_FALSE(full);
    CHECK(full.error().what == Refusal::What::concurrency);
    admission.settle({.input_tokens = 1000, .output_tokens = 0, .cost = {}}, 0);
    admission.leave();
    const auto used = desk.ask({second}, tokens(1, 0));
    REQUIRE_FALSE(used);
    CHECK(used.error().what == Refusal::What::tokens);
}
