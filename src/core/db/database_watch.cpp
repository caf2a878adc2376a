#include "core/db/database_watch.hpp"

#include <sqlite3.h>

#include <array>
#include <chrono>
#include <mutex>
#include <string>
#include <thread>

#include "core/db/sqlite.hpp"
#include "core/os/platform.hpp"

namespace lurus {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view magic("SQLite format 3\0", 16);
constexpr int torn_tries = 3;  // a checkpoint writes the first page before it has made the file longer

std::uint32_t big_endian(const char* bytes, int count) {
    std::uint32_t value = 0;
    for (int i = 0; i < count; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
    return value;
}

std::unexpected<Error> damaged_file(const fs::path& file, std::string_view how) {
    return fail(ErrorCode::corrupt, file.string() + " " + std::string(how) + ": restore it from a backup and restart");
}

// The file format's header: page size at 16, length in pages at 28. Read through SQLite's own descriptor: closing
// another one of the same file would give up the process's locks on it.
Result<void> check_header_once(SQLite::Database& db, const fs::path& file) {
    sqlite3_file* opened = nullptr;
    if (sqlite3_file_control(db.getHandle(), "main", SQLITE_FCNTL_FILE_POINTER, static_cast<void*>(&opened)) !=
            SQLITE_OK ||
        opened == nullptr || opened->pMethods == nullptr) {
        return fail(ErrorCode::unavailable, file.string() + " cannot be read");
    }
    std::array<char, 100> header{};
    sqlite3_int64 size = 0;
    if (opened->pMethods->xFileSize(opened, &size) != SQLITE_OK ||
        opened->pMethods->xRead(opened, header.data(), static_cast<int>(header.size()), 0) != SQLITE_OK ||
        std::string_view(header.data(), magic.size()) != magic) {
        return damaged_file(file, "is damaged: it does not begin as a database does");
    }
    const std::uint32_t stated = big_endian(header.data() + 16, 2);
    const std::int64_t page_size = stated == 1 ? 65536 : stated;
    if (size < page_size * big_endian(header.data() + 28, 4)) return damaged_file(file, "is cut short");
    return {};
}

Result<void> check_header(SQLite::Database& db, const fs::path& file) {
    Result<void> result;
    for (int i = 0; i < torn_tries; ++i) {
        if (i > 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
        result = check_header_once(db, file);
        if (result) break;
    }
    return result;
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

Result<void> check_pages(SQLite::Database& db, const fs::path& file) {
    std::error_code error;
    if (fs::file_size(file, error) > DatabaseWatch::most_checked_bytes || error) return {};
    try {
        const std::string found = db.execAndGet("PRAGMA quick_check(1)").getString();
        if (found != "ok") return damaged_file(file, "is damaged (" + found + ")");
        return {};
    } catch (const SQLite::Exception& e) {
        return damaged_file(file, "is damaged (" + std::string(e.what()) + ")");
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
        return check_header(*db_, file_);
    }

    Result<void> probe(int patience_ms, Depth depth) override {
        if (auto ok = check(); !ok) return ok;
        const std::scoped_lock lock(mutex_);
        if (auto ok = take_lock(*db_, file_, patience_ms); !ok) return ok;
        return depth == Depth::pages ? check_pages(*db_, file_) : Result<void>();
    }

private:
    const fs::path file_;
    std::mutex mutex_;
    std::unique_ptr<SQLite::Database> db_;
};

Result<std::unique_ptr<SQLite::Database>> connect(const fs::path& file) {
    return with_sqlite("opening", file, [&]() -> Result<std::unique_ptr<SQLite::Database>> {
        return std::make_unique<SQLite::Database>(file.string(), SQLite::OPEN_READWRITE, 0);
    });
}

}  // namespace

Result<void> check_writable(const fs::path& file) {
    std::error_code error;
    const auto permissions = fs::status(file, error).permissions();
    using enum fs::perms;
    const bool nobody = !error && (permissions & (owner_write | group_write | others_write)) == none;
    if (nobody || !platform::may_write(file))
        return fail(ErrorCode::unavailable, file.string() + " is read-only: make it writable again (chmod u+w)");
    return {};
}

Result<std::unique_ptr<DatabaseWatch>> DatabaseWatch::open(const fs::path& file) {
    auto db = connect(file);
    if (!db) return std::unexpected(db.error());
    return with_sqlite("opening", file, [&]() -> Result<std::unique_ptr<DatabaseWatch>> {
        (*db)->execAndGet("PRAGMA schema_version");  // opens the file, which until now is only a name
        return std::make_unique<SqliteWatch>(file, *std::move(db));
    });
}

Result<void> examine_database(const fs::path& file, int patience_ms) {
    if (auto ok = check_writable(file); !ok) return ok;
    auto db = connect(file);
    if (!db) return std::unexpected(db.error());
    if (auto ok = check_header(**db, file); !ok) return ok;
    if (auto ok = take_lock(**db, file, patience_ms); !ok) return ok;
    return check_pages(**db, file);
}

}  // namespace lurus
