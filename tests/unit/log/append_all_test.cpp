#include "tests/unit/log/fixture.hpp"

namespace lurus::test {
namespace {

std::vector<LogEntry> entries(Samples& samples, int count, CommitSink& sink, std::uint64_t first_ticket) {
    std::vector<LogEntry> made;
    for (int i = 0; i < count; ++i)
        made.push_back(LogEntry{samples.record(), first_ticket + static_cast<std::uint64_t>(i), &sink});
    return made;
}

/// Until a batch is committed within the call: the start's reading back, and a slow disk, come first.
bool commits_in_the_call(LogFixture& f, Samples& samples, int count) {
    for (int i = 0; i < 100; ++i) {
        CountingSink sink;
        auto batch = entries(samples, count, sink, 0);
        f.log->append_all(batch);
        const bool at_once = sink.safe().size() == static_cast<std::size_t>(count);
        REQUIRE(sink.wait_for(static_cast<std::size_t>(count)));
        if (at_once) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return false;
}

TEST_CASE("a batch is committed in the call while the file is quick, else it is queued; never lost, told once") {
    LogFixture f;
    f.open();
    Samples samples(71);
    CHECK(commits_in_the_call(f, samples, 1));
    CHECK(commits_in_the_call(f, samples, 64));
    CHECK(f.log->status().queued == 0);
    CHECK(f.log->status().queued_bytes == 0);
    CountingSink sink;
    std::vector<LogEntry> batch;
    f.log->append_all(batch);  // nothing
    SUBCASE("many records go to the thread") {
        batch = entries(samples, 5000, sink, 0);
    }
    SUBCASE("records with bodies go to the thread") {
        batch = entries(samples, 2, sink, 0);
        batch[1].record.request_body = std::string(100'000, 'b');
    }
    const std::size_t count = batch.size();
    const auto before = f.ask("SELECT count(*) FROM record");
    f.log->append_all(batch);
    CHECK(batch.empty());
    REQUIRE(f.log->flush(10'000));
    CHECK(sink.safe().size() == count);
    CHECK(f.ask("SELECT count(*) FROM record") == before + static_cast<std::int64_t>(count));
    CHECK(f.log->status().queued == 0);
    CHECK(f.log->status().queued_bytes == 0);
}

TEST_CASE("a locked file does not hold up the caller: the thread waits for it") {
    LogFixture f;
    f.settings.commit_patience_ms = 5000;
    f.open();
    Samples samples(72);
    REQUIRE(commits_in_the_call(f, samples, 1));
    SQLite::Database other(f.settings.file.string(), SQLite::OPEN_READWRITE);
    other.exec("BEGIN IMMEDIATE");
    CountingSink sink;
    for (std::uint64_t i = 0; i < 20; ++i) {
        auto batch = entries(samples, 3, sink, i * 3);
        f.log->append_all(batch);
        CHECK(batch.empty());
    }
    CHECK(sink.calls() == 0);
    other.exec("COMMIT");
    REQUIRE(sink.wait_for(60));
    CHECK(sink.unsafe().empty());
    const auto told = sink.safe();
    CHECK(std::ranges::all_of(told, [](const auto& ticket) { return ticket.second == 1; }));
    CHECK(f.ask("SELECT count(DISTINCT id) FROM record") == f.ask("SELECT max(id) FROM record"));
    CHECK(f.log->status().released_unsafe == 0);
}

TEST_CASE("what another program writes to the file in between goes unnoticed") {
    LogFixture f;
    f.settings.commit_patience_ms = 5000;
    f.open();
    Samples samples(73);
    REQUIRE(commits_in_the_call(f, samples, 1));
    SQLite::Database other(f.settings.file.string(), SQLite::OPEN_READWRITE);
    other.exec("CREATE TABLE theirs (a)");
    for (int i = 0; i < 10; ++i) {
        other.exec("INSERT INTO theirs VALUES (1)");
        CHECK(commits_in_the_call(f, samples, 2));
    }
    CHECK(f.log->status().healthy);
    CHECK(f.ask("SELECT count(DISTINCT id) FROM record") == f.ask("SELECT max(id) FROM record"));
}

TEST_CASE("several threads bring batches while segments close and readers ask") {
    LogFixture f;
    f.open();
    constexpr int producers = 3, batches = 900, each = 16;
    CountingSink sinks[producers];
    std::vector<std::thread> threads;
    for (int p = 0; p < producers; ++p) {
        threads.emplace_back([&, p] {
            Samples samples(static_cast<std::uint32_t>(80 + p));
            std::uint64_t ticket = 0;
            for (int b = 0; b < batches; ++b) {
                auto batch = entries(samples, each, sinks[p], ticket);
                ticket += each;
                f.log->append_all(batch);
                if (b % 50 == 0) f.log->append(samples.record(), ticket++, &sinks[p]);
            }
        });
    }
    for (int i = 0; i < 50; ++i) {
        const auto rows = f.log->usage(0, INT64_MAX / 2, UsageBy::model);
        REQUIRE(rows);
        std::int64_t requests = 0;
        for (const auto& row : *rows) requests += row.requests;
        CHECK(requests <= f.ask("SELECT coalesce(max(id), 0) FROM record"));
    }
    for (auto& thread : threads) thread.join();
    constexpr std::size_t tickets = batches * each + batches / 50;
    for (auto& sink : sinks) {
        REQUIRE(sink.wait_for(tickets));
        const auto told = sink.safe();
        CHECK(told.size() == tickets);
        CHECK(std::ranges::all_of(told, [](const auto& ticket) { return ticket.second == 1; }));
    }
    CHECK(f.ask("SELECT count(*) FROM record") == static_cast<std::int64_t>(producers * tickets));
    CHECK(f.becomes("SELECT count(*) FROM segment", 1));
    CHECK(f.log->status().queued == 0);
    CHECK(f.log->status().committed == static_cast<std::int64_t>(producers * tickets));
}

}  // namespace
}  // namespace lurus::test
