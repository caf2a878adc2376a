#include <fstream>

#include "tests/unit/log/fixture.hpp"

namespace lurus::test {
namespace {

TEST_CASE("a locked file: answers are let go after the patience, nothing is lost, it recovers by itself") {
    LogFixture f;
    f.settings.commit_patience_ms = 150;
    f.open();
    Samples samples(31);
    std::vector<RequestRecord> all;
    f.append(samples, 10, all);
    REQUIRE(f.log->query(LogFilter()));  // what a start reads back is read
    SQLite::Database other(f.settings.file.string(), SQLite::OPEN_READWRITE);
    other.exec("BEGIN EXCLUSIVE");
    CountingSink sink;
    const auto start = std::chrono::steady_clock::now();
    for (std::uint64_t i = 0; i < 50; ++i) f.log->append(samples.record(), i, &sink);
    REQUIRE(sink.wait_for(50));
    const auto waited = std::chrono::steady_clock::now() - start;
    CHECK(waited >= std::chrono::milliseconds(140));
    CHECK(waited < std::chrono::seconds(5));
    CHECK(sink.unsafe().size() == 50);
    CHECK(f.log->status().released_unsafe == 50);
    CHECK(!f.log->status().healthy);
    CHECK(!f.log->status().problem.empty());
    CHECK(f.log->status().queued == 50);
    const auto late = f.log->flush(50);
    REQUIRE(!late);
    CHECK(late.error().code == ErrorCode::unavailable);
    LogFilter filter;
    const auto rows = f.log->query(filter);  // reading goes on
    REQUIRE(rows);
    CHECK(rows->size() == 10);
    other.exec("COMMIT");
    REQUIRE(becomes_healthy(*f.log));
    CHECK(sink.safe().empty());  // told once
    CHECK(sink.unsafe().size() == 50);
    CHECK(f.ask("SELECT count(*) FROM record") == 60);
    CHECK(f.log->status().released_unsafe == 50);
}

TEST_CASE("a lock shorter than the patience goes unnoticed by clients") {
    LogFixture f;
    f.settings.commit_patience_ms = 5000;
    f.open();
    Samples samples(32);
    SQLite::Database other(f.settings.file.string(), SQLite::OPEN_READWRITE);
    other.exec("BEGIN EXCLUSIVE");
    CountingSink sink;
    for (std::uint64_t i = 0; i < 20; ++i) f.log->append(samples.record(), i, &sink);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    CHECK(sink.calls() == 0);
    other.exec("COMMIT");
    REQUIRE(sink.wait_for(20));
    CHECK(sink.unsafe().empty());
    CHECK(f.log->status().released_unsafe == 0);
}

TEST_CASE("the queue is bounded: no room while it is full, room again after it was written") {
    LogFixture f;
    f.settings.queue_cap_bytes = 200'000;
    f.settings.commit_patience_ms = 50;
    f.open();
    Samples samples(33);
    SQLite::Database other(f.settings.file.string(), SQLite::OPEN_READWRITE);
    other.exec("BEGIN EXCLUSIVE");
    int appended = 0;
    for (; f.log->has_room() && appended < 10'000; ++appended) f.log->append(samples.record(), 0, nullptr);
    CHECK(appended > 20);
    CHECK(appended < 500);
    CHECK(f.log->status().queued_bytes >= 200'000);
    other.exec("COMMIT");
    REQUIRE(becomes_healthy(*f.log));
    CHECK(f.log->has_room());
    CHECK(f.ask("SELECT count(*) FROM record") == appended);
}

TEST_CASE("what cannot be written at the end is given up after the patience") {
    LogFixture f;
    f.settings.commit_patience_ms = 100;
    f.open();
    Samples samples(35);
    SQLite::Database other(f.settings.file.string(), SQLite::OPEN_READWRITE);
    other.exec("BEGIN EXCLUSIVE");
    CountingSink sink;
    f.log->append(samples.record(), 1, &sink);
    const auto start = std::chrono::steady_clock::now();
    f.log.reset();
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(5));
    CHECK(sink.unsafe().size() == 1);
}

TEST_CASE("files that are not ours are refused with `corrupt` and left alone") {
    LogFixture f;
    SUBCASE("no database") {
        std::ofstream(f.settings.file)
            << "this is a text file, and long enough to be looked at as a database header, really";
    }
    SUBCASE("another program's database") {
        SQLite::Database other(f.settings.file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
        other.exec("CREATE TABLE theirs (a)");
    }
    SUBCASE("a newer program's log") {
        f.open();
        f.log.reset();
        SQLite::Database other(f.settings.file.string(), SQLite::OPEN_READWRITE);
        other.exec("INSERT INTO migration VALUES ('log', 999, '0999_future.sql', 'x')");
    }
    const auto size = std::filesystem::file_size(f.settings.file);
    const auto log = make_request_log_sqlite(f.settings, f.clock);
    REQUIRE(!log);
    CHECK(log.error().code == ErrorCode::corrupt);
    CHECK(log.error().message.find("log.db") != std::string::npos);
    CHECK(std::filesystem::file_size(f.settings.file) == size);
}

TEST_CASE("a page damaged in the middle is an error of the query, not a crash" * doctest::test_suite("long")) {
    LogFixture f;
    f.open();
    Samples samples(36);
    std::vector<RequestRecord> all;
    f.append(samples, 5000, all);
    f.log.reset();
    {
        std::fstream file(f.settings.file, std::ios::in | std::ios::out | std::ios::binary);
        const std::string noise(200'000, '\xa5');
        file.seekp(400'000);
        file.write(noise.data(), static_cast<std::streamsize>(noise.size()));
    }
    auto log = make_request_log_sqlite(f.settings, f.clock);
    if (!log) {
        CHECK(log.error().code == ErrorCode::corrupt);
        return;
    }
    LogFilter filter;
    filter.limit = 1000;
    filter.after_id = 0;
    bool failed = false;
    for (int page = 0; page < 6 && !failed; ++page) {
        const auto got = (*log)->query(filter);
        failed = !got.has_value();
        if (got && !got->empty()) filter.after_id = got->back().id;
    }
    CHECK((failed || !(*log)->status().healthy));
}

}  // namespace
}  // namespace lurus::test
