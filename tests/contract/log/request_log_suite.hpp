#pragma once
// What every journal and the queries over it must do. A store's test names a type that makes both, as one object:
//   struct Store { std::unique_ptr<RequestLog> open(const Clock&); };   // again and again on the same data
// and invokes the suite for it.

#include <doctest/doctest.h>

#include <thread>

#include "tests/contract/log/expectations.hpp"
#include "tests/contract/log/samples.hpp"

namespace lurus::test {

constexpr int flush_ms = 20'000;

inline std::vector<RequestRecord> all_of(RecordQueries& log) {
    std::vector<RequestRecord> all;
    LogFilter filter;
    filter.after_id = 0;
    filter.limit = 1000;
    for (;;) {
        const auto page = log.query(filter);
        REQUIRE(page);
        if (page->empty()) return all;
        filter.after_id = page->back().id;
        all.insert(all.end(), page->begin(), page->end());
    }
}

inline void append_samples(Journal& log, Samples& samples, int count) {
    for (int i = 0; i < count; ++i) log.append(samples.record(), 0, nullptr);
    REQUIRE(log.flush(flush_ms));
}

TEST_CASE_TEMPLATE_DEFINE("request log: a record comes back as it went in", Store, log_round_trip) {
    Store store;
    auto log = store.open(system_clock());
    Samples samples(1);
    std::vector<RequestRecord> sent;
    for (int i = 0; i < 200; ++i) sent.push_back(samples.record());
    sent[0] = RequestRecord();
    sent[1].error = "quote \" backslash \\ line\nend \x01 \xc3\xa4 \xff";
    sent[1].attempts[0].chosen_because = "quote \" backslash \\ line\nend \x01 \xc3\xa4";
    sent[2].model = std::string("nul\0inside", 10);
    sent[3].attempts.clear();
    sent[4].attempts[0].usage = Usage{.input = 7, .service_tier = "flex", .estimated = true};
    sent[4].attempts[0].cost = sent[4].cost ? std::nullopt : std::optional(Money{5});
    sent[5].usage_raw = "not json";
    for (const auto& record : sent) {
        auto copy = record;
        log->append(std::move(copy), 0, nullptr);
    }
    REQUIRE(log->flush(flush_ms));
    const auto got = all_of(*log);
    REQUIRE(got.size() == sent.size());
    for (std::size_t i = 0; i < sent.size(); ++i) {
        CAPTURE(i);
        CHECK(got[i].id == static_cast<std::int64_t>(i) + 1);
        sent[i].id = got[i].id;
        sent[i].node_id = got[i].node_id;
        CHECK(!got[i].node_id.is_zero());
        if (sent[i].record_id.is_zero()) sent[i].record_id = got[i].record_id;
        CHECK(to_json(got[i]) == to_json(sent[i]));
        CHECK(got[i].usage == sent[i].usage);
        CHECK(got[i].model == sent[i].model);
        CHECK(got[i].error == sent[i].error);
        CHECK(got[i].attempts.size() == sent[i].attempts.size());
    }
}

TEST_CASE_TEMPLATE_DEFINE("request log: every producer's ticket is told once, after its record can be read", Store,
                          log_tickets) {
    Store store;
    auto log = store.open(system_clock());
    constexpr int producers = 4, each = 5000;
    CountingSink sinks[producers];
    std::vector<std::thread> threads;
    for (int p = 0; p < producers; ++p) {
        threads.emplace_back([&, p] {
            Samples samples(static_cast<std::uint32_t>(p + 1));
            for (int i = 0; i < each; ++i) {
                auto record = samples.record();
                record.session = std::to_string(p) + "/" + std::to_string(i);
                log->append(std::move(record), static_cast<std::uint64_t>(i), &sinks[p]);
            }
        });
    }
    for (auto& thread : threads) thread.join();
    int calls = 0;
    for (auto& sink : sinks) {
        REQUIRE(sink.wait_for(each));
        const auto told = sink.safe();
        CHECK(told.size() == each);
        CHECK(std::ranges::all_of(told, [](const auto& ticket) { return ticket.second == 1; }));
        CHECK(sink.unsafe().empty());
        calls += sink.calls();
    }
    CHECK(calls < producers * each);
    const auto all = all_of(*log);
    REQUIRE(all.size() == producers * each);
    std::vector<std::string> sessions;
    for (const auto& record : all) sessions.push_back(record.session);
    std::ranges::sort(sessions);
    CHECK(std::ranges::adjacent_find(sessions) == sessions.end());
    CHECK(log->status().committed == producers * each);
    CHECK(log->status().queued == 0);
    CHECK(log->status().queued_bytes == 0);
    CHECK(log->status().healthy);
}

TEST_CASE_TEMPLATE_DEFINE("request log: a committed record is in the next answer", Store, log_read_own_write) {
    Store store;
    auto log = store.open(system_clock());
    Samples samples(3);
    CountingSink sink;
    for (std::uint64_t i = 1; i <= 200; ++i) {
        auto record = samples.record();
        const Id trace = record.trace_id = samples.id();
        log->append(std::move(record), i, &sink);
        REQUIRE(sink.wait_for(i));
        const auto found = log->trace(trace);
        REQUIRE(found);
        REQUIRE(found->size() == 1);
        CHECK(found->front().id == static_cast<std::int64_t>(i));
    }
}

TEST_CASE_TEMPLATE_DEFINE("request log: filters and paging agree with looking at every record", Store, log_filters) {
    Store store;
    auto log = store.open(system_clock());
    Samples samples(4);
    append_samples(*log, samples, 4000);
    const auto all = all_of(*log);
    REQUIRE(all.size() == 4000);
    for (int round = 0; round < 400; ++round) {
        const LogFilter filter = random_filter(all, [&](int n) { return samples.below(n); });
        const auto got = log->query(filter);
        REQUIRE(got);
        CHECK(ids_of(*got) == expected_ids(all, filter));
    }
    LogFilter filter;
    filter.key = "key-3";
    filter.limit = 7;
    std::vector<std::int64_t> paged;
    for (;;) {
        const auto page = log->query(filter);
        REQUIRE(page);
        if (page->empty()) break;
        for (const auto& record : *page) paged.push_back(record.id);
        filter.before_id = page->back().id;
    }
    filter.before_id.reset();
    filter.limit = 1000;
    CHECK(paged == expected_ids(all, filter));
    for (const int limit : {0, -1, 1001}) {
        filter.limit = limit;
        const auto refused = log->query(filter);
        REQUIRE(!refused);
        CHECK(refused.error().code == ErrorCode::invalid_argument);
    }
}

TEST_CASE_TEMPLATE_DEFINE("request log: a record's id finds it alone, with its body, also when it came without one",
                          Store, log_record_ids) {
    Store store;
    std::vector<RequestRecord> all;
    {
        auto log = store.open(system_clock());
        Samples samples(9, 20);  // several records in a millisecond
        append_samples(*log, samples, 3000);
        RequestRecord early;  // without a time, and with an id of another one
        log->append(std::move(early), 0, nullptr);
        auto mine = samples.record();
        mine.request_body = "{}";
        mine.record_id = Id();
        log->append(std::move(mine), 0, nullptr);
        REQUIRE(log->flush(flush_ms));
        all = all_of(*log);
    }
    auto log = store.open(system_clock());
    std::map<Id, int> seen;
    for (const auto& record : all) {
        CHECK((record.record_id.bytes[6] >> 4) == 7);
        CHECK(record.record_id.unix_ms() == record.time / 1000);
        ++seen[record.record_id];
    }
    CHECK(seen.size() == all.size());
    for (std::size_t i = 0; i < all.size(); i += 37) {
        const auto found = log->find(all[i].record_id);
        REQUIRE(found);
        CHECK(found->id == all[i].id);
        const UserSet others{"nobody"};
        CHECK(log->find(all[i].record_id, &others).error().code == ErrorCode::not_found);
    }
    const auto last = log->find(all.back().record_id);
    REQUIRE(last);
    CHECK(last->request_body == "{}");
    Id unknown = all.back().record_id;
    unknown.bytes[9] ^= 1;
    CHECK(log->find(unknown).error().code == ErrorCode::not_found);
}

TEST_CASE_TEMPLATE_DEFINE("request log: keys are summed by id: names change, and are used again", Store,
                          log_renamed_keys) {
    Store store;
    auto log = store.open(system_clock());
    Samples samples(10);
    const Id first = samples.id(), second = samples.id(), red = samples.id(), blue = samples.id();
    UnixMicros time = sample_start;
    const auto spend = [&](const Id& key, const char* name, const Id& team, std::int64_t nano_usd) {
        RequestRecord record;
        record.time = time += 60'000'000;
        record.key_id = key;
        record.key = name;
        record.team_id = team;
        record.cost = Money{nano_usd};
        log->append(std::move(record), 0, nullptr);
    };
    spend(first, "ci", red, 1);
    spend(first, "builds", blue, 2);  // renamed, and moved to another team
    spend(second, "ci", blue, 4);     // the name is used again
    spend(Id(), "ci", Id(), 8);       // nobody knows which one it was
    REQUIRE(log->flush(flush_ms));
    const auto sums = [&](UsageBy by) {
        std::map<std::pair<std::string, std::string>, std::int64_t> out;
        const auto rows = log->usage(0, INT64_MAX / 2, by);
        REQUIRE(rows);
        for (const auto& row : *rows) out[{row.id, row.group}] = row.cost.nano_usd;
        return out;
    };
    CHECK(sums(UsageBy::key) == std::map<std::pair<std::string, std::string>, std::int64_t>{
                                    {{first.hex(), "builds"}, 3}, {{second.hex(), "ci"}, 4}, {{"", "ci"}, 8}});
    CHECK(sums(UsageBy::team) == std::map<std::pair<std::string, std::string>, std::int64_t>{
                                     {{red.hex(), red.hex()}, 1}, {{blue.hex(), blue.hex()}, 6}, {{"", ""}, 8}});
}

TEST_CASE_TEMPLATE_DEFINE("request log: a trace id finds all of its records, with bodies", Store, log_trace) {
    Store store;
    auto log = store.open(system_clock());
    Samples samples(5);
    append_samples(*log, samples, 500);
    const Id mine = samples.id();
    const std::string body(100'000, 'b');
    for (int i = 0; i < 3; ++i) {
        auto record = samples.record();
        record.trace_id = mine;
        if (i == 1) {
            record.request_body = "{\"model\":\"x\"}";
            record.response_body = body;
        }
        log->append(std::move(record), 0, nullptr);
    }
    append_samples(*log, samples, 500);
    const auto found = log->trace(mine);
    REQUIRE(found);
    CHECK(ids_of(*found) == std::vector<std::int64_t>{503, 502, 501});
    CHECK((*found)[1].request_body == "{\"model\":\"x\"}");
    CHECK((*found)[1].response_body == body);
    CHECK((*found)[0].request_body.empty());
    const auto none = log->trace(samples.id());
    REQUIRE(none);
    CHECK(none->empty());
}

TEST_CASE_TEMPLATE_DEFINE("request log: usage is the sum of the rows, for any range", Store, log_usage) {
    Store store;
    auto log = store.open(system_clock());
    Samples samples(6, 20'000'000);  // 3000 rows over 17 hours
    append_samples(*log, samples, 3000);
    const auto all = all_of(*log);
    const auto check = [&](UnixMicros since, UnixMicros until) {
        CAPTURE(format_time(since));
        CAPTURE(format_time(until));
        for (const auto by : all_groupings) {
            const auto rows = log->usage(since, until, by);
            REQUIRE(rows);
            CHECK(usage_map(*rows) == expected_usage(all, since, until, by));
        }
    };
    check(0, INT64_MAX / 2);
    check(sample_start, sample_start);
    check(sample_start + 10, sample_start);
    const auto span = static_cast<int>((all.back().time - sample_start) / 1'000'000);
    for (int round = 0; round < 60; ++round) {
        const UnixMicros since = sample_start + samples.below(span) * 1'000'000ll + samples.below(1'000'000);
        check(since, since + samples.below(round % 3 == 0 ? 90 : span) * 1'000'000ll + samples.below(1'000'000));
    }
    const auto by_model = log->usage(0, INT64_MAX / 2, UsageBy::model);
    REQUIRE(by_model);
    CHECK(std::ranges::is_sorted(*by_model, [](const auto& a, const auto& b) {
        return std::pair(a.cost, a.requests) > std::pair(b.cost, b.requests);
    }));
    const auto by_hour = log->usage(0, INT64_MAX / 2, UsageBy::hour);
    REQUIRE(by_hour);
    CHECK(std::ranges::is_sorted(*by_hour, {}, &UsageRow::group));
}

TEST_CASE_TEMPLATE_DEFINE("request log: the live tail sees each record once, in order", Store, log_tail) {
    Store store;
    auto log = store.open(system_clock());
    constexpr int count = 6000;
    std::thread producer([&] {
        Samples samples(7);
        for (int i = 0; i < count; ++i) {
            log->append(samples.record(), 0, nullptr);
            if (i % 500 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
        }
    });
    LogFilter filter;
    filter.after_id = 0;
    filter.limit = 100;
    std::int64_t seen = 0;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (seen < count && std::chrono::steady_clock::now() < deadline) {
        const auto page = log->query(filter);
        REQUIRE(page);
        for (const auto& record : *page) REQUIRE(record.id == ++seen);
        filter.after_id = seen;
    }
    producer.join();
    CHECK(seen == count);
}

TEST_CASE_TEMPLATE_DEFINE("request log: closing drains, opening goes on where it was", Store, log_reopen) {
    Store store;
    Samples samples(8);
    CountingSink sink;
    {
        auto log = store.open(system_clock());
        for (std::uint64_t i = 0; i < 3000; ++i) log->append(samples.record(), i, &sink);
    }
    CHECK(sink.safe().size() == 3000);
    auto log = store.open(system_clock());
    append_samples(*log, samples, 10);
    const auto all = all_of(*log);
    REQUIRE(all.size() == 3010);
    CHECK(all.back().id == 3010);
    for (const auto by : all_groupings) {
        const auto rows = log->usage(0, INT64_MAX / 2, by);
        REQUIRE(rows);
        CHECK(usage_map(*rows) == expected_usage(all, 0, INT64_MAX / 2, by));
    }
}

#define LURUS_REQUEST_LOG_SUITE(Store)                    \
    TEST_CASE_TEMPLATE_INVOKE(log_round_trip, Store);     \
    TEST_CASE_TEMPLATE_INVOKE(log_tickets, Store);        \
    TEST_CASE_TEMPLATE_INVOKE(log_read_own_write, Store); \
    TEST_CASE_TEMPLATE_INVOKE(log_filters, Store);        \
    TEST_CASE_TEMPLATE_INVOKE(log_record_ids, Store);     \
    TEST_CASE_TEMPLATE_INVOKE(log_renamed_keys, Store);   \
    TEST_CASE_TEMPLATE_INVOKE(log_trace, Store);          \
    TEST_CASE_TEMPLATE_INVOKE(log_usage, Store);          \
    TEST_CASE_TEMPLATE_INVOKE(log_tail, Store);           \
    TEST_CASE_TEMPLATE_INVOKE(log_reopen, Store)

}  // namespace lurus::test
