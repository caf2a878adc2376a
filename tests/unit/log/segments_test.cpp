#include "tests/unit/log/fixture.hpp"

namespace lurus::test {
namespace {

TEST_CASE("closed segments and rollups answer as the rows do, also after reopening" * doctest::test_suite("long")) {
    LogFixture f;
    f.open();
    Samples samples(21, 2'000'000);  // 70,000 rows over 39 hours
    std::vector<RequestRecord> all;
    f.append(samples, 70'000, all);
    REQUIRE(f.becomes("SELECT count(*) FROM segment", 2));
    REQUIRE(f.becomes("SELECT done_to > 0 AND doing_to = 0 FROM rollup_state", 1));
    CHECK(f.ask("SELECT count(*) FROM rollup_hour") > 0);

    const auto check = [&] {
        for (int round = 0; round < 150; ++round) {
            const LogFilter filter = random_filter(all, [&](int n) { return samples.below(n); });
            const auto got = f.log->query(filter);
            REQUIRE(got);
            CHECK(ids_of(*got) == expected_ids(all, filter));
        }
        for (int round = 0; round < 60; ++round) {
            const Id trace = all[static_cast<std::size_t>(samples.below(static_cast<int>(all.size())))].trace_id;
            std::vector<std::int64_t> expected;
            for (auto r = all.rbegin(); r != all.rend() && expected.size() < 1000; ++r) {
                if (r->trace_id == trace) expected.push_back(r->id);
            }
            const auto got = f.log->trace(trace);
            REQUIRE(got);
            CHECK(ids_of(*got) == expected);
        }
        f.check_usage(all, 0, INT64_MAX / 2);
        const auto span = static_cast<int>((all.back().time - sample_start) / 1'000'000);
        for (int round = 0; round < 12; ++round) {
            const UnixMicros since = sample_start + samples.below(span) * 1'000'000ll + samples.below(1'000'000);
            f.check_usage(all, since, since + samples.below(round % 2 == 0 ? 200 : span) * 1'000'000ll);
        }
    };
    check();
    f.log.reset();
    f.open();
    check();
    f.append(samples, 40'000, all);
    REQUIRE(f.becomes("SELECT count(*) FROM segment", 3));
    check();
}

TEST_CASE("rows that share a hash with a value are not shown for it") {
    // 20,000 sessions in 32 bits: some filters propose rows of another session; equality decides.
    LogFixture f;
    f.open();
    Samples samples(22);
    std::vector<RequestRecord> all;
    f.append(samples, 2000, all);
    for (int i = 0; i < 300; ++i) {
        LogFilter filter;
        filter.session = "absent-" + std::to_string(i);
        const auto got = f.log->query(filter);
        REQUIRE(got);
        CHECK(got->empty());
    }
}

TEST_CASE("old rows go, with postings, bodies and minutes; sums stay" * doctest::test_suite("long")) {
    LogFixture f;
    f.settings.retention_days = 1;
    std::vector<RequestRecord> all;
    Samples samples(23, 3'600'000);  // 40,000 rows over 40 hours
    {
        f.open();
        f.append(samples, 40'000, all);
        RequestRecord with_body = all.front();
        REQUIRE(f.becomes("SELECT count(*) FROM segment", 1));
        f.log.reset();
    }
    const UnixMicros last = all.back().time;
    f.clock.set(last + 3'600'000'000ll);
    f.open();
    const UnixMicros before = (last + 3'600'000'000ll - 86'400'000'000ll) / 3'600'000'000ll * 3'600'000'000ll;
    // A row waits behind a younger one that came before it; in these samples for at most five seconds.
    REQUIRE(f.becomes("SELECT count(*) FROM record WHERE time < " + std::to_string(before - 10'000'000), 0));
    std::vector<RequestRecord> kept;
    const std::int64_t first = f.ask("SELECT min(id) FROM record");
    CHECK(first > 1);
    for (const auto& r : all) {
        if (r.id >= first) kept.push_back(r);
    }
    for (int round = 0; round < 60; ++round) {
        const LogFilter filter = random_filter(all, [&](int n) { return samples.below(n); });
        const auto got = f.log->query(filter);
        REQUIRE(got);
        CHECK(ids_of(*got) == expected_ids(kept, filter));
    }
    f.check_usage(all, 0, INT64_MAX / 2);
    CHECK(f.ask("SELECT count(*) FROM rollup_minute WHERE minute < " + std::to_string(before / 60'000'000)) == 0);

    SUBCASE("everything goes in the end, and ids are not given again") {
        f.log.reset();
        f.clock.set(last + 10 * 86'400'000'000ll);
        f.open();
        REQUIRE(f.becomes("SELECT count(*) FROM record", 0));
        REQUIRE(f.becomes("SELECT count(*) FROM posting", 0));
        REQUIRE(f.becomes("SELECT count(*) FROM segment", 0));
        f.check_usage(all, 0, INT64_MAX / 2);
        f.log.reset();
        f.open();
        f.check_usage(all, 0, INT64_MAX / 2);
        auto record = samples.record();
        record.time = last + 10 * 86'400'000'000ll;
        f.log->append(std::move(record), 0, nullptr);
        REQUIRE(f.log->flush(10'000));
        CHECK(f.ask("SELECT min(id) FROM record") == 40'001);
        LogFilter filter;
        const auto got = f.log->query(filter);
        REQUIRE(got);
        CHECK(ids_of(*got) == std::vector<std::int64_t>{40'001});
    }
}

TEST_CASE("bodies go with their rows") {
    LogFixture f;
    f.settings.retention_days = 1;
    Samples samples(24);
    f.open();
    auto record = samples.record();
    record.request_body = "kept for a day";
    f.log->append(std::move(record), 0, nullptr);
    REQUIRE(f.log->flush(10'000));
    CHECK(f.ask("SELECT count(*) FROM body") == 1);
    f.log.reset();
    f.clock.set(sample_start + 3 * 86'400'000'000ll);
    f.open();
    CHECK(f.becomes("SELECT count(*) FROM record", 0));
    CHECK(f.becomes("SELECT count(*) FROM body", 0));
}

}  // namespace
}  // namespace lurus::test
