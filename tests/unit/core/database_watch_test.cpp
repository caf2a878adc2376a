#include "core/db/database_watch.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <doctest/doctest.h>

#include <fstream>

#include "../world.hpp"
#include "core/db/sqlite.hpp"
#include "core/os/files.hpp"

using namespace lurus;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t page = 4096, wal_header = 32, frame_header = 24;

struct Watched {
    test::TempFolder folder;
    fs::path file = folder.path / "a.db";
    fs::path wal = folder.path / "a.db-wal";
    std::unique_ptr<SQLite::Database> db =
        std::make_unique<SQLite::Database>(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);

    Watched() {
        db->exec("PRAGMA journal_mode=WAL");
        db->exec("PRAGMA wal_autocheckpoint=0");
        db->exec("CREATE TABLE t (a)");
    }
    void fill() const {
        for (int i = 0; i < 40; ++i) db->exec("INSERT INTO t VALUES (randomblob(3000))");
    }
    void checkpoint() const { db->exec("PRAGMA wal_checkpoint(TRUNCATE)"); }
    // What a process that was killed during a checkpoint, or one on a full disk, leaves: the first page is in the file,
    // those at the end are not.
    void begin_checkpoint() const {
        const std::string log = read_file(wal).value();
        std::string first;
        for (std::size_t at = wal_header; at + frame_header + page <= log.size(); at += frame_header + page) {
            if (log.substr(at, 4) == std::string("\0\0\0\1", 4)) first = log.substr(at + frame_header, page);
        }
        REQUIRE(first.size() == page);
        std::fstream(file, std::ios::binary | std::ios::in | std::ios::out) << first;
    }
    void cut_in_half() const { fs::resize_file(file, fs::file_size(file) / page / 2 * page); }
    // As after a kill: the files stay as they are.
    fs::path copied() const {
        const auto to = folder.path / "copy.db";
        fs::copy_file(file, to);
        if (fs::exists(wal)) fs::copy_file(wal, to.string() + "-wal");
        return to;
    }
    [[nodiscard]] std::unique_ptr<DatabaseWatch> watch() const {
        auto opened = DatabaseWatch::open(file);
        REQUIRE_MESSAGE(opened.has_value(), (opened ? "" : opened.error().message));
        return *std::move(opened);
    }
};

std::string said(const Result<void>& result) {
    return result ? std::string() : result.error().message;
}

}  // namespace

TEST_CASE_FIXTURE(Watched, "a database is whole while a checkpoint has only moved its first page") {
    fill();
    begin_checkpoint();
    const auto watched = watch();
    CHECK(said(watched->check()) == "");
    CHECK(said(watched->check()) == "");
    CHECK(said(watched->probe(100, DatabaseWatch::Depth::pages)) == "");
    const auto copy = copied();
    CHECK(said(examine_database(copy, 100)) == "");
    CHECK(SQLite::Database(copy.string()).execAndGet("SELECT count(*) FROM t").getInt() == 40);
    checkpoint();
    CHECK(said(watched->check()) == "");
}

TEST_CASE_FIXTURE(Watched, "a file that was cut is damaged, whatever its header says") {
    fill();
    checkpoint();
    const auto watched = watch();
    CHECK(said(watched->check()) == "");
    cut_in_half();
    CHECK(watched->check().error().code == ErrorCode::corrupt);
    CHECK(watched->probe(100, DatabaseWatch::Depth::pages).error().code == ErrorCode::corrupt);
    CHECK(examine_database(copied(), 100).error().code == ErrorCode::corrupt);
}

TEST_CASE_FIXTURE(Watched, "what is written over a file in use is seen, even when the write-ahead log has all of it") {
    fill();
    const auto watched = watch();
    std::fstream(file, std::ios::binary | std::ios::in | std::ios::out) << "not a database any more";
    CHECK(watched->check().error().code == ErrorCode::corrupt);
    // But nothing is lost: at the next start SQLite reads the first page from the log.
    CHECK(said(examine_database(copied(), 100)) == "");
}

TEST_CASE_FIXTURE(Watched, "looking at a damaged database leaves it and its write-ahead log as they are") {
    fill();
    checkpoint();
    db->exec("UPDATE t SET a = 1 WHERE rowid = 1");
    cut_in_half();
    const auto copy = copied();
    const std::string before = read_file(copy).value(), log = read_file(copy.string() + "-wal").value();
    REQUIRE_FALSE(log.empty());
    CHECK(examine_database(copy, 100).error().code == ErrorCode::corrupt);
    CHECK(read_file(copy).value() == before);
    CHECK(read_file(copy.string() + "-wal").value() == log);
}

TEST_CASE_FIXTURE(Watched, "a database that somebody holds, or that cannot be read now, is not called damaged") {
    fill();
    checkpoint();
    db->exec("BEGIN IMMEDIATE");
    const auto held = examine_database(file, 10);
    REQUIRE_FALSE(held.has_value());
    CHECK(held.error().code == ErrorCode::unavailable);
    CHECK(held.error().message.find("locked") != std::string::npos);
    db->exec("ROLLBACK");
    db.reset();
    fs::permissions(folder.path / "a.db", fs::perms::owner_read);
    CHECK(examine_database(file, 10).error().code == ErrorCode::unavailable);
}
