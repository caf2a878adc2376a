#include "core/db/database_watch.hpp"

#include <sqlite3.h>

#include <array>
#include <charconv>
#include <mutex>
#include <string>

#include "core/db/sqlite.hpp"
#include "core/os/file_owner.hpp"
#include "core/os/platform.hpp"

namespace lurus {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view magic("SQLite format 3\0", 16);
constexpr std::int64_t most_read_at_once = 64 << 20;  // bytes that a look at a running server's file may read

std::uint32_t big_endian(const char* bytes, int count) {
    std::uint32_t value = 0;
    for (int i = 0; i < count; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
    return value;
}

std::unexpected<Error> damaged_file(const fs::path& file, std::string_view how) {
    return fail(ErrorCode::corrupt, file.string() + " is damaged (" + std::string(how) + ")");
}

// Only what SQLite calls damage is damage: a file that cannot be read now may be read later.
std::unexpected<Error> told_by_sqlite(const fs::path& file, const SQLite::Exception& e) {
    const int code = e.getErrorCode();
    if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB) return damaged_file(file, e.what());
    return std::unexpected(sqlite_error("reading " + file.string(), e));
}

// The check names a page that could not be read by SQLite's code: "error code=11" is damage, "10" is the disk.
bool tells_of_damage(std::string_view found) {
    constexpr std::string_view mark = "error code";
    const auto at = found.find(mark);
    if (at == std::string_view::npos) return true;
    const auto digit = found.find_first_of("0123456789", at);
    int code = SQLITE_CORRUPT;
    if (digit != std::string_view::npos) std::from_chars(found.data() + digit, found.data() + found.size(), code);
    return (code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB;
}

// As SQLite sees the database: the file, and over it what its write-ahead log holds.
Result<void> check_pages(SQLite::Database& db, const fs::path& file) {
    try {
        const std::string found = db.execAndGet("PRAGMA quick_check(1)").getString();
        if (found == "ok") return {};
        if (tells_of_damage(found)) return damaged_file(file, found);
        return fail(ErrorCode::unavailable, "reading " + file.string() + ": " + found);
    } catch (const SQLite::Exception& e) {
        return told_by_sqlite(file, e);
    }
}

Result<void> check_pages_unless_large(SQLite::Database& db, const fs::path& file) {
    std::error_code error;
    if (fs::file_size(file, error) > DatabaseWatch::most_checked_bytes || error) return {};
    return check_pages(db, file);
}

// The first page anew, not from SQLite's memory.
Result<void> check_first_page(SQLite::Database& db, const fs::path& file) {
    try {
        sqlite3_db_release_memory(db.getHandle());
        db.execAndGet("PRAGMA schema_version");
        return {};
    } catch (const SQLite::Exception& e) {
        return told_by_sqlite(file, e);
    }
}

// Takes the lock that every change takes, and gives it back.
Result<void> take_lock(SQLite::Database& db, const fs::path& file, int patience_ms) {
    try {
        db.setBusyTimeout(patience_ms);
        db.exec("BEGIN IMMEDIATE");
        db.exec("ROLLBACK");
        return {};
    } catch (const SQLite::Exception& e) {
        if (e.getErrorCode() == SQLITE_BUSY)
            return fail(ErrorCode::unavailable, file.string() + " is locked by another process: end what holds it");
        return std::unexpected(sqlite_error("locking " + file.string(), e));
    }
}

class SqliteWatch final : public DatabaseWatch {
public:
    SqliteWatch(fs::path file, std::unique_ptr<SQLite::Database> db) : file_(std::move(file)), db_(std::move(db)) {}

    Result<void> check() override {
        const std::scoped_lock lock(mutex_);
        std::error_code error;
        if (!fs::exists(file_, error)) {
            return fail(ErrorCode::unavailable,
                        file_.string() + " was deleted while the server runs: put it back, or restart");
        }
        int moved = 0;
        if (sqlite3_file_control(db_->getHandle(), "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved != 0) {
            return fail(ErrorCode::unavailable,
                        file_.string() + " was replaced by another file while the server runs: restart to use it");
        }
        if (auto ok = check_writable(file_); !ok) return ok;
        return check_file();
    }

    Result<void> probe(int patience_ms, Depth depth) override {
        if (auto ok = check(); !ok) return ok;
        const std::scoped_lock lock(mutex_);
        if (auto ok = take_lock(*db_, file_, patience_ms); !ok) return ok;
        return depth == Depth::pages ? check_pages_unless_large(*db_, file_) : Result<void>();
    }

private:
    struct Shape {
        sqlite3_int64 size = 0;    // bytes of the file
        sqlite3_int64 stated = 0;  // bytes that its header says
        bool operator==(const Shape&) const = default;
    };

    // Something else was written over the file: the server goes on with what it has in memory and in the write-ahead
    // log, and would not notice. Read through SQLite's own descriptor: closing another one of the same file would give
    // up the process's locks on it.
    Result<void> check_file() {
        sqlite3_file* opened = nullptr;
        if (sqlite3_file_control(db_->getHandle(), "main", SQLITE_FCNTL_FILE_POINTER, static_cast<void*>(&opened)) !=
                SQLITE_OK ||
            opened == nullptr || opened->pMethods == nullptr) {
            return fail(ErrorCode::unavailable, file_.string() + " cannot be read");
        }
        std::array<char, 100> header{};  // page size at 16, length in pages at 28
        Shape shape;
        const int sized = opened->pMethods->xFileSize(opened, &shape.size);
        const int read = opened->pMethods->xRead(opened, header.data(), static_cast<int>(header.size()), 0);
        if (sized == SQLITE_OK && (read == SQLITE_IOERR_SHORT_READ ||
                                   (read == SQLITE_OK && std::string_view(header.data(), magic.size()) != magic)))
            return damaged_file(file_, "it does not begin as a database does; keep it with its -wal and -shm");
        if (sized != SQLITE_OK || read != SQLITE_OK)
            return fail(ErrorCode::unavailable, file_.string() + " cannot be read");
        const std::uint32_t page = big_endian(header.data() + 16, 2);
        shape.stated = sqlite3_int64{page == 1 ? 65536 : page} * big_endian(header.data() + 28, 4);
        if (shape.size >= shape.stated || shape == sound_) return check_first_page(*db_, file_);
        return check_shorter(shape);
    }

    // While a checkpoint is partial the file may be shorter than its first page says: what is not in it yet stands in
    // the write-ahead log. Only reading tells that from a file that was cut. Once for each such state.
    Result<void> check_shorter(const Shape& shape) {
        const auto ok = shape.size <= most_read_at_once ? check_pages(*db_, file_) : check_first_page(*db_, file_);
        if (ok) sound_ = shape;
        return ok;
    }

    const fs::path file_;
    std::mutex mutex_;  // guards what follows
    std::unique_ptr<SQLite::Database> db_;
    Shape sound_;  // short, and found to be whole
};

// Looking at a file whose write-ahead log may hold the only copy of something must not move it.
void leave_log_alone(SQLite::Database& db) {
    sqlite3_db_config(db.getHandle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
}

bool has_log(const fs::path& file) {
    std::error_code error;
    const auto size = fs::file_size(file.string() + "-wal", error);
    return !error && size > 0;
}

Result<void> examine(SQLite::Database& db, const fs::path& file, int patience_ms) {
    if (auto ok = take_lock(db, file, patience_ms); !ok) return ok;
    return check_pages_unless_large(db, file);
}

}  // namespace

Result<void> check_writable(const fs::path& file) {
    std::error_code error;
    const auto permissions = fs::status(file, error).permissions();
    using enum fs::perms;
    const bool nobody = !error && (permissions & (owner_write | group_write | others_write)) == none;
    if (nobody || !platform::may_write(file))
        return fail(ErrorCode::unavailable,
                    file.string() + " is read-only: make it writable again: " + platform::writable_hint(file));
    return {};
}

Result<std::unique_ptr<DatabaseWatch>> DatabaseWatch::open(const fs::path& file) {
    return with_sqlite("opening", file, [&]() -> Result<std::unique_ptr<DatabaseWatch>> {
        return std::make_unique<SqliteWatch>(file, connect_sqlite(file, SQLite::OPEN_READWRITE, 0));
    });
}

Result<void> examine_database(const fs::path& file, int patience_ms) {
    if (auto ok = check_writable(file); !ok) return ok;
    const bool logged = has_log(file);
    try {
        const auto db = connect_sqlite(file, SQLite::OPEN_READWRITE, patience_ms);
        auto ok = examine(*db, file, patience_ms);
        if (!ok && logged) leave_log_alone(*db);
        return ok;
    } catch (const SQLite::Exception& e) {
        if (e.getErrorCode() == SQLITE_BUSY)
            return fail(ErrorCode::unavailable, file.string() + " is locked by another process: end what holds it");
        return told_by_sqlite(file, e);
    }
}

}  // namespace lurus
