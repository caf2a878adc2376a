#include "core/db/database_snapshot.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <doctest/doctest.h>

#include <fstream>

#include "../world.hpp"
#include "core/os/files.hpp"
#include "core/os/platform.hpp"

using namespace lurus;
namespace fs = std::filesystem;

namespace {

struct Kept {
    test::TempFolder folder;
    fs::path file = folder.path / "a.db";
    SQLite::Database db{file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE};
    std::unique_ptr<DatabaseSnapshots> snapshots;

    Kept() {
        db.exec("PRAGMA journal_mode=WAL");
        db.exec("CREATE TABLE t (a)");
        auto opened = DatabaseSnapshots::open(file);
        REQUIRE(opened.has_value());
        snapshots = *std::move(opened);
    }
    bool take(UnixMicros now) {
        const auto taken = snapshots->take_if_changed(now);
        REQUIRE_MESSAGE(taken.has_value(), (taken ? "" : taken.error().message));
        return *taken;
    }
    int rows_of(const fs::path& copy) {
        SQLite::Database reader(copy.string(), SQLite::OPEN_READONLY);
        return reader.execAndGet("SELECT count(*) FROM t").getInt();
    }
    int unpacked_rows() {
        const auto to = folder.path / "unpacked.db";
        fs::remove(to);
        REQUIRE(unpack_snapshot(snapshot_of(file), to).has_value());
        CHECK_FALSE(platform::readable_by_others(to));
        return rows_of(to);
    }
};

}  // namespace

TEST_CASE_FIXTURE(Kept, "a snapshot is taken when somebody changed the database, and holds all of it") {
    CHECK(check_snapshot(snapshot_of(file)).error().code == ErrorCode::not_found);
    CHECK(take(5));
    CHECK(check_snapshot(snapshot_of(file)).value() == 5);
    CHECK_FALSE(platform::readable_by_others(snapshot_of(file)));
    CHECK_FALSE(take(6));
    CHECK(check_snapshot(snapshot_of(file)).value() == 5);
    db.exec("INSERT INTO t VALUES (zeroblob(100000)), (2)");
    CHECK(take(1'795'000'000'000'000));
    CHECK(check_snapshot(snapshot_of(file)).value() == 1'795'000'000'000'000);
    CHECK(unpacked_rows() == 2);
}

TEST_CASE_FIXTURE(Kept, "a snapshot in the database's place is that database") {
    db.exec("INSERT INTO t VALUES (1)");
    CHECK(take(1));
    const auto moved = folder.path / "moved.db";
    fs::rename(snapshot_of(file), moved);
    SQLite::Database again(moved.string(), SQLite::OPEN_READWRITE);
    again.exec("PRAGMA journal_mode=WAL");
    again.exec("INSERT INTO t VALUES (zeroblob(50000)), (3)");
    again.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    CHECK(again.execAndGet("PRAGMA integrity_check").getString() == "ok");
    CHECK(rows_of(moved) == 3);
}

TEST_CASE_FIXTURE(Kept, "every changed or missing byte of a snapshot is found") {
    db.exec("INSERT INTO t VALUES (zeroblob(20000))");
    CHECK(take(1));
    const auto snapshot = snapshot_of(file);
    const std::string whole = read_file(snapshot).value();
    const auto code_of = [&](const std::string& bytes) {
        std::ofstream(snapshot, std::ios::binary | std::ios::trunc) << bytes;
        const auto checked = check_snapshot(snapshot);
        return checked ? ErrorCode::conflict : checked.error().code;
    };
    for (std::size_t at = 0; at < whole.size(); at += at + 150 < whole.size() ? 997 : 1) {
        std::string broken = whole;
        broken[at] = static_cast<char>(broken[at] ^ 4);
        CHECK_MESSAGE(code_of(broken) == ErrorCode::corrupt, at);
    }
    for (const std::size_t length : {std::size_t{0}, std::size_t{10}, whole.size() / 2, whole.size() - 1})
        CHECK(code_of(whole.substr(0, length)) == ErrorCode::corrupt);
    CHECK(code_of(whole + "x") == ErrorCode::corrupt);
}

TEST_CASE_FIXTURE(Kept, "a damaged database does not take the good snapshot's place") {
    for (int i = 0; i < 200; ++i) db.exec("INSERT INTO t VALUES (randomblob(500))");
    CHECK(take(1));
    db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    {
        std::fstream raw(file, std::ios::binary | std::ios::in | std::ios::out);
        raw.seekp(4096 * 3);
        raw << std::string(4096 * 4, '\xee');
    }
    auto fresh = DatabaseSnapshots::open(file);
    REQUIRE(fresh.has_value());
    const auto taken = (*fresh)->take_if_changed(2);
    REQUIRE_FALSE(taken.has_value());
    CHECK(taken.error().code == ErrorCode::corrupt);
    CHECK(check_snapshot(snapshot_of(file)).value() == 1);
    CHECK_FALSE(fs::exists(snapshot_of(file).string() + ".new"));
}
