// A file of the first schema, one row a record, opened by this program.

#include "core/crypto/sha256.hpp"
#include "core/os/embedded.hpp"
#include "modules/log/queries/record_json.hpp"
#include "tests/unit/log/fixture.hpp"

namespace lurus::test {
namespace {

void make_first_schema(SQLite::Database& db) {
    db.exec("PRAGMA page_size=8192");
    db.exec("PRAGMA journal_mode=WAL");
    db.exec(
        "CREATE TABLE migration (set_name TEXT NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL, "
        "sha256 TEXT NOT NULL, PRIMARY KEY (set_name, number)) WITHOUT ROWID");
    for (const auto& file : embedded_files()) {
        if (file.path != "migrations/sqlite/log/0001_log.sql") continue;
        db.exec(std::string(file.text));
        SQLite::Statement applied(db, "INSERT INTO migration VALUES ('log', 1, '0001_log.sql', ?)");
        applied.bind(1, sha256_hex(file.text));
        applied.exec();
    }
}

void insert(SQLite::Database& db, const RequestRecord& r) {
    SQLite::Statement row(
        db,
        "INSERT INTO record (id, time, duration_us, ending, status, stream, dialect, upstream_dialect, input, "
        "cache_read, cache_write_5m, cache_write_1h, output, reasoning, cost_nano_usd, model, provider, key, user, "
        "trace_id, upstream_model, account, route, client, session, operation, error, ttfb_us, bytes_in, bytes_out, "
        "tariff, usage_raw, detail) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
        "?, ?, ?, ?, ?, ?, ?, ?)");
    int at = 0;
    const auto number = [&](const std::optional<std::int64_t>& value) {
        ++at;
        if (value) row.bind(at, *value);
    };
    const auto text = [&](const std::string& value) {
        ++at;
        if (!value.empty()) row.bind(at, value);
    };
    for (const std::int64_t value :
         {r.id, r.time, r.duration_us, static_cast<std::int64_t>(r.end), static_cast<std::int64_t>(r.status),
          static_cast<std::int64_t>(r.stream), static_cast<std::int64_t>(r.dialect),
          static_cast<std::int64_t>(r.upstream_dialect)})
        number(value);
    const Usage& u = r.usage;
    for (const auto& count : {u.input, u.cache_read, u.cache_write_5m, u.cache_write_1h, u.output, u.reasoning})
        number(count);
    number(r.cost ? std::optional(r.cost->nano_usd) : std::nullopt);
    for (const auto* value : {&r.model, &r.provider, &r.key, &r.user}) text(*value);
    row.bind(++at, r.trace_id.bytes.data(), static_cast<int>(r.trace_id.bytes.size()));
    for (const auto* value : {&r.upstream_model, &r.account, &r.route, &r.client, &r.session, &r.operation, &r.error})
        text(*value);
    number(r.ttfb_us);
    number(r.bytes_in);
    number(r.bytes_out);
    text(r.tariff);
    text(r.usage_raw);
    std::string detail;
    log::append_detail(detail, r);
    text(detail);
    row.exec();
}

TEST_CASE("an older file is taken over: every record, the sums, and what comes after" * doctest::test_suite("long")) {
    LogFixture f;
    Samples samples(61);
    std::vector<RequestRecord> all;
    {
        SQLite::Database db(f.settings.file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
        make_first_schema(db);
        SQLite::Transaction transaction(db);
        for (int i = 1; i <= 33'000; ++i) {
            all.push_back(samples.record());
            all.back().id = i;
            if (i % 500 == 0) all.back().error = "line\nbreak \"quoted\" \\ \xff";
            insert(db, all.back());
        }
        // The first segment's rows up to 20 have been removed by retention.
        db.exec("DELETE FROM record WHERE id <= 20");
        db.exec("UPDATE rollup_state SET done_to = 20");
        transaction.commit();
    }
    all.erase(all.begin(), all.begin() + 20);
    f.open();
    for (auto& record : all) {
        record.record_id = record.key_id = record.team_id = record.org_id = Id();
        f.come_in(record);
    }
    LogFilter filter;
    filter.limit = 1000;
    filter.after_id = 0;
    std::size_t at = 0;
    for (;;) {
        const auto page = f.log->query(filter);
        REQUIRE(page);
        if (page->empty()) break;
        for (const auto& got : *page) {
            const auto& sent = all.at(at++);
            CHECK(to_json(got) == to_json(sent));
            CHECK(got.error == sent.error);
        }
        filter.after_id = page->back().id;
    }
    CHECK(at == all.size());
    f.check_usage(all, 0, INT64_MAX / 2);
    for (const std::size_t i : {0, 100, 32'900}) {
        const auto found = f.log->find(all[i].record_id);
        REQUIRE(found);
        CHECK(found->id == all[i].id);
    }
    CHECK(f.ask("SELECT count(DISTINCT record_id) FROM record") == static_cast<std::int64_t>(all.size()));
    f.log->append(samples.record(), 0, nullptr);
    REQUIRE(f.log->flush(10'000));
    CHECK(f.ask("SELECT max(id) FROM record") == 33'001);
    CHECK(f.ask("SELECT count(*) FROM record") == 33'001 - 20);
    CHECK(f.ask("SELECT count(*) FROM origin WHERE id NOT IN (SELECT id FROM record)") == 0);
    f.log.reset();
    CHECK((*open_sqlite_reader(f.settings.file))->execAndGet("PRAGMA integrity_check").getString() == "ok");
}

}  // namespace
}  // namespace lurus::test
