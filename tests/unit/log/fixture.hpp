#pragma once
// A SQLite log in a folder of its own, and a look into its file.

#include <doctest/doctest.h>

#include <chrono>
#include <thread>

#include "core/db/sqlite.hpp"
#include "lurus/log_sqlite.hpp"
#include "modules/log/journal/row_text.hpp"
#include "tests/contract/log/expectations.hpp"
#include "tests/contract/log/samples.hpp"

namespace lurus::test {

struct LogFixture {
    ScratchDir dir;
    LogSettings settings;
    TestClock clock{sample_start};
    std::unique_ptr<RequestLog> log;

    LogFixture() { settings.file = dir.file("log.db"); }

    void open() {
        auto made = make_request_log_sqlite(settings, clock);
        if (!made) FAIL(made.error().message);
        log = std::move(*made);
    }

    /// Appends and waits; the records, with their ids, are added to `all`.
    void append(Samples& samples, int count, std::vector<RequestRecord>& all) {
        for (int i = 0; i < count; ++i) {
            all.push_back(samples.record());
            all.back().id = static_cast<std::int64_t>(all.size());
            auto copy = all.back();
            come_in(all.back());
            log->append(std::move(copy), 0, nullptr);
        }
        REQUIRE(log->flush(60'000));
    }

    /// What the log says of where a record came into.
    void come_in(RequestRecord& record) const {
        record.node_id = log->node_id();
        if (record.record_id.is_zero()) record.record_id = log::id_of_row(record.node_id, record.id, record.time);
    }

    [[nodiscard]] std::int64_t ask(const std::string& sql) const {
        auto db = open_sqlite_reader(settings.file);
        if (!db) FAIL(db.error().message);
        return (*db)->execAndGet(sql).getInt64();
    }
    /// False when it does not answer `value` within ten seconds.
    [[nodiscard]] bool becomes(const std::string& sql, std::int64_t value) const {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
        while (std::chrono::steady_clock::now() < deadline) {
            if (ask(sql) == value) return true;
            std::this_thread::sleep_for(std::chrono::milliseconds(60));
        }
        return false;
    }

    void check_usage(const std::vector<RequestRecord>& all, UnixMicros since, UnixMicros until) const {
        CAPTURE(format_time(since));
        CAPTURE(format_time(until));
        for (const auto by : all_groupings) {
            const auto rows = log->usage(since, until, by);
            REQUIRE(rows);
            CHECK(usage_map(*rows) == expected_usage(all, since, until, by));
        }
    }
};

inline bool becomes_healthy(RequestLog& log) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (std::chrono::steady_clock::now() < deadline) {
        if (log.status().healthy && log.status().queued == 0) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
}

}  // namespace lurus::test
