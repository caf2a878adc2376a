#include "core/db/backup_archive.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <doctest/doctest.h>

#include <fstream>

#include "core/db/backup_blocks.hpp"
#include "core/os/files.hpp"
#include "core/os/platform.hpp"
#include "tests/unit/world.hpp"

using namespace lurus;
namespace fs = std::filesystem;

namespace {

struct Archived {
    test::TempFolder folder;
    fs::path file = folder.path / "a.db", archive = folder.path / "a.backup";
    SQLite::Database db{file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE};

    Archived() {
        db.exec("PRAGMA journal_mode=WAL");
        db.exec("CREATE TABLE t (n INTEGER PRIMARY KEY, a)");
        db.exec("CREATE TABLE migration (set_name TEXT, number INTEGER)");
        db.exec("INSERT INTO migration VALUES ('x', 1), ('x', 3), ('y', 2)");
    }
    void add(int rows, int bytes) {
        for (int i = 0; i < rows; ++i) db.exec("INSERT INTO t (a) VALUES (randomblob(" + std::to_string(bytes) + "))");
    }
    std::string rows_of(const fs::path& of) {
        SQLite::Database reader(of.string(), SQLite::OPEN_READWRITE);
        CHECK(reader.execAndGet("PRAGMA integrity_check").getString() == "ok");
        return reader.execAndGet("SELECT group_concat(n || hex(a)) FROM t").getString();
    }
    ArchivedFile write(DatabaseMoment& moment) {
        auto writer = BackupWriter::create(archive);
        REQUIRE_MESSAGE(writer.has_value(), (writer ? "" : writer.error().message));
        auto added = (*writer)->add("a.db", moment, {});
        REQUIRE_MESSAGE(added.has_value(), (added ? "" : added.error().message));
        REQUIRE((*writer)->add_note("n", "text").has_value());
        REQUIRE((*writer)->finish().has_value());
        return *added;
    }
    Result<fs::path> read() {
        const auto to = folder.path / ("out" + random_hex(4).value() + ".db");
        auto reader = BackupReader::open(archive);
        if (!reader) return std::unexpected(reader.error());
        std::ofstream out(to, std::ios::binary);
        auto done = (*reader)->read("a.db",
                                    [&](std::string_view piece) -> Result<void> {
                                        out << piece;
                                        return {};
                                    },
                                    {});
        if (!done) return std::unexpected(done.error());
        if (auto note = (*reader)->note("n"); !note) return std::unexpected(note.error());
        return to;
    }
};

}  // namespace

TEST_CASE_FIXTURE(Archived, "a backup is the database of one moment, whatever is written while it is made") {
    add(300, 9000);
    db.exec("PRAGMA wal_checkpoint(PASSIVE)");
    add(300, 9000);  // of which the file has nothing yet
    auto moment = DatabaseMoment::open(file);
    REQUIRE_MESSAGE(moment.has_value(), (moment ? "" : moment.error().message));
    const std::string then = db.execAndGet("SELECT group_concat(n || hex(a)) FROM t").getString();
    CHECK((*moment)->schema() == std::map<std::string, int>{{"x", 3}, {"y", 2}});
    CHECK((*moment)->check().has_value());
    db.exec("DELETE FROM t WHERE n % 2");
    add(200, 20000);
    db.exec("PRAGMA wal_checkpoint(PASSIVE)");
    const auto added = write(**moment);
    CHECK(added.size == (*moment)->size());
    CHECK(added.sha256.size() == 64);
    CHECK_FALSE(platform::readable_by_others(archive));
    const auto to = read();
    REQUIRE_MESSAGE(to.has_value(), (to ? "" : to.error().message));
    CHECK(fs::file_size(*to) == added.size);
    CHECK(rows_of(*to) == then);
    moment->reset();
    CHECK(db.execAndGet("PRAGMA integrity_check").getString() == "ok");
}

TEST_CASE_FIXTURE(Archived, "every changed or missing part of a backup's content is found") {
    add(400, 9000);
    auto moment = DatabaseMoment::open(file);
    REQUIRE(moment.has_value());
    write(**moment);
    const std::string whole = read_file(archive).value();
    int found = 0;
    for (std::size_t at = 65536 + 977; at < whole.size(); at += whole.size() / 23) {
        std::string broken = whole;
        broken[at] = static_cast<char>(broken[at] ^ 1);
        std::ofstream(archive, std::ios::binary | std::ios::trunc) << broken;
        const auto to = read();
        if (!to) {
            ++found;
            CHECK_MESSAGE(to.error().code == ErrorCode::corrupt, to.error().message);
        } else {
            CHECK(rows_of(*to) == rows_of(file));  // a byte that nothing uses
        }
    }
    CHECK(found > 10);
    for (const std::size_t length : {std::size_t{0}, std::size_t{100}, whole.size() / 2, whole.size() - 65536}) {
        std::ofstream(archive, std::ios::binary | std::ios::trunc) << whole.substr(0, length);
        CHECK_FALSE(read().has_value());
    }
    std::ofstream(archive, std::ios::binary | std::ios::trunc) << whole;
    {
        SQLite::Database edited(archive.string(), SQLite::OPEN_READWRITE);
        edited.exec("DELETE FROM block WHERE id = 1");
    }
    CHECK(read().error().code == ErrorCode::corrupt);
}

TEST_CASE_FIXTURE(Archived, "another file is no backup, and one that is there is not written over") {
    archive = file;
    const auto none = read();
    CHECK(none.error().message.find("no backup of lurus") != std::string::npos);
    CHECK(BackupWriter::create(file).error().code == ErrorCode::conflict);
    archive = folder.path / "none";
    CHECK(read().error().code == ErrorCode::not_found);
}

TEST_CASE("blocks are written and read at any place") {
    SQLite::Database rows(":memory:", SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    rows.exec("CREATE TABLE block (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL)");
    backup::BlockFile blocks(rows, 1);
    std::string model;
    unsigned random = 1;
    for (int i = 0; i < 300; ++i) {
        random = random * 1664525 + 1013904223;
        const std::size_t at = random % (3 * backup::block_size), size = 1 + random % 70000;
        if (model.size() < at + size) model.resize(at + size);
        const std::string bytes(size, static_cast<char>('a' + i % 26));
        model.replace(at, size, bytes);
        blocks.write(at, bytes);
        if (i % 100 == 99) {
            const std::size_t cut = model.size() - model.size() / 5;
            model.resize(cut);
            blocks.truncate(cut);
        }
    }
    CHECK(blocks.size() == model.size());
    std::string all(model.size(), '?');
    CHECK(blocks.read(0, all.data(), all.size()));
    CHECK(all == model);
    std::string beyond(10, '?');
    CHECK_FALSE(blocks.read(model.size() - 3, beyond.data(), beyond.size()));
    CHECK(beyond == model.substr(model.size() - 3) + std::string(7, '\0'));
}
