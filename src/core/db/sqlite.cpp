#include "core/db/sqlite.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "core/crypto/sha256.hpp"
#include "core/db/database_watch.hpp"
#include "core/db/migrations.hpp"
#include "core/os/embedded.hpp"
#include "core/os/platform.hpp"

namespace lurus {
namespace {

struct Migration {
    int number = 0;
    std::string name;
    std::string_view sql;
};

std::vector<Migration> migrations_of(std::string_view set) {
    const std::string prefix = "migrations/sqlite/" + std::string(set) + "/";
    std::vector<Migration> found;
    for (const auto& file : embedded_files()) {
        if (!file.path.starts_with(prefix)) continue;
        const std::string name(file.path.substr(prefix.size()));
        found.push_back(Migration{std::stoi(name), name, file.text});
    }
    std::ranges::sort(found, {}, &Migration::number);
    return found;
}

/// Files whose index this process keeps in its memory: all connections to such a file have to be of that kind.
class IndexesInMemory {
public:
    bool has(const std::filesystem::path& file) {
        const std::scoped_lock lock(mutex_);
        return files_.contains(file);
    }
    void add(const std::filesystem::path& file) {
        const std::scoped_lock lock(mutex_);
        files_.insert(file);
    }

private:
    std::mutex mutex_;
    std::set<std::filesystem::path> files_;
};

bool no_room_for_index(const SQLite::Exception& e) {
    const int code = e.getExtendedErrorCode();
    return code == SQLITE_IOERR_SHMSIZE || code == SQLITE_IOERR_SHMOPEN || code == SQLITE_IOERR_SHMMAP;
}

Result<void> migrate(SQLite::Database& db, std::string_view set, const std::filesystem::path& file) {
    if (!db.tableExists("migration") &&
        db.execAndGet("SELECT count(*) FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'").getInt() > 0) {
        return fail(ErrorCode::corrupt, file.string() + " is a database of another program; use another data folder");
    }
    // Each set keeps its own history: several modules share data/lurus.db.
    db.exec(
        "CREATE TABLE IF NOT EXISTS migration (set_name TEXT NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL, "
        "sha256 TEXT NOT NULL, PRIMARY KEY (set_name, number)) WITHOUT ROWID");
    const auto wanted = migrations_of(set);
    SQLite::Transaction transaction(db, SQLite::TransactionBehavior::IMMEDIATE);
    std::vector<std::pair<int, std::string>> applied;
    {
        SQLite::Statement select(db, "SELECT number, sha256 FROM migration WHERE set_name = ? ORDER BY number");
        select.bind(1, std::string(set));
        while (select.executeStep())
            applied.emplace_back(select.getColumn(0).getInt(), select.getColumn(1).getString());
    }
    for (const auto& [number, sum] : applied) {
        const auto known = std::ranges::find(wanted, number, &Migration::number);
        if (known == wanted.end()) {
            return fail(ErrorCode::corrupt, file.string() + " was written by a newer lurus (migration " +
                                                std::to_string(number) + "); use that version or another data folder");
        }
        if (sha256_hex(known->sql) != sum) {
            return fail(ErrorCode::corrupt,
                        file.string() + ": migration " + known->name + " is not the one that was applied to it");
        }
    }
    for (const auto& step : wanted) {
        if (std::ranges::any_of(applied, [&](const auto& a) { return a.first == step.number; })) continue;
        db.exec(std::string(step.sql));
        SQLite::Statement insert(db, "INSERT INTO migration (set_name, number, name, sha256) VALUES (?, ?, ?, ?)");
        insert.bind(1, std::string(set));
        insert.bind(2, step.number);
        insert.bind(3, step.name);
        insert.bind(4, sha256_hex(step.sql));
        insert.exec();
    }
    transaction.commit();
    return {};
}

}  // namespace

Result<void> migrate_sqlite(SQLite::Database& db, std::string_view set, const std::filesystem::path& file) {
    return with_sqlite("opening", file, [&] { return migrate(db, set, file); });
}

int newest_migration(std::string_view set) {
    const auto known = migrations_of(set);
    return known.empty() ? 0 : known.back().number;
}

Error sqlite_error(std::string_view doing, const SQLite::Exception& e) {
    ErrorCode code = ErrorCode::internal;
    switch (e.getErrorCode()) {
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
        case SQLITE_IOERR:
        case SQLITE_FULL:
        case SQLITE_CANTOPEN:
        case SQLITE_READONLY:
        case SQLITE_PERM: code = ErrorCode::unavailable; break;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB: code = ErrorCode::corrupt; break;
        case SQLITE_CONSTRAINT: code = ErrorCode::conflict; break;
        default:
            // Of a file that our migrations went over, and that was emptied since.
            if (std::string_view(e.what()).starts_with("no such table")) code = ErrorCode::corrupt;
            break;
    }
    return Error(code, std::string(doing) + ": " + e.what());
}

// SQLite's way to files that keeps the WAL's index in memory, for one process alone. Not there on Windows.
constexpr const char* one_process = "unix-excl";

std::unique_ptr<SQLite::Database> connect_sqlite(const std::filesystem::path& file, int flags, int busy_timeout_ms) {
    static IndexesInMemory in_memory;
    if (!in_memory.has(file)) {
        try {
            auto db = std::make_unique<SQLite::Database>(file.string(), flags, busy_timeout_ms);
            db->execAndGet("PRAGMA schema_version");  // opens the file, which until now is only a name
            return db;
        } catch (const SQLite::Exception& e) {
            if (!no_room_for_index(e) || sqlite3_vfs_find(one_process) == nullptr) throw;
        }
    }
    // A read-only connection does not take part in the process's lock on the file.
    const bool read_only = (flags & SQLite::OPEN_READONLY) != 0;
    const int writing = read_only ? (flags & ~SQLite::OPEN_READONLY) | SQLite::OPEN_READWRITE : flags;
    auto db = std::make_unique<SQLite::Database>(file.string(), writing, busy_timeout_ms, one_process);
    db->execAndGet("PRAGMA schema_version");
    if (read_only) db->exec("PRAGMA query_only=1");
    in_memory.add(file);
    return db;
}

Result<std::unique_ptr<SQLite::Database>> open_sqlite(const std::filesystem::path& file, std::string_view set,
                                                      const SqliteOptions& options) {
    std::error_code none;
    if (std::filesystem::exists(file, none)) {
        if (auto ok = check_writable(file); !ok) return std::unexpected(ok.error());
    }
    return with_sqlite("opening", file, [&]() -> Result<std::unique_ptr<SQLite::Database>> {
        const int flags =
            SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE | (options.one_thread ? SQLite::OPEN_NOMUTEX : 0);
        auto db = connect_sqlite(file, flags, options.busy_timeout_ms);
        (void)platform::make_private(file);
        db->exec("PRAGMA page_size=" + std::to_string(options.page_size));
        db->exec("PRAGMA journal_mode=WAL");
        db->exec(options.strict ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL");
        db->exec("PRAGMA foreign_keys=ON");
        if (!options.auto_checkpoint) db->exec("PRAGMA wal_autocheckpoint=0");
        if (auto done = migrate(*db, set, file); !done) return std::unexpected(done.error());
        return db;
    });
}

Result<std::unique_ptr<SQLite::Database>> open_sqlite_reader(const std::filesystem::path& file) {
    return with_sqlite("opening", file, [&]() -> Result<std::unique_ptr<SQLite::Database>> {
        return connect_sqlite(file, SQLite::OPEN_READONLY | SQLite::OPEN_NOMUTEX, 5000);
    });
}

SqliteStatement::SqliteStatement(SQLite::Database& db, std::string_view sql) {
    const int code = sqlite3_prepare_v3(db.getHandle(), sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &statement_, nullptr);
    if (code != SQLITE_OK) throw SQLite::Exception(db.getHandle(), code);
}

SqliteStatement::~SqliteStatement() {
    sqlite3_finalize(statement_);
}

void SqliteStatement::check(int code) const {
    if (code != SQLITE_OK) throw SQLite::Exception(sqlite3_db_handle(statement_), code);
}

void SqliteStatement::clear() noexcept {
    sqlite3_clear_bindings(statement_);
}

int SqliteStatement::parameter_count() const noexcept {
    return sqlite3_bind_parameter_count(statement_);
}

std::string_view SqliteStatement::parameter_name(int at) const noexcept {
    const char* name = sqlite3_bind_parameter_name(statement_, at);
    return name == nullptr ? std::string_view() : std::string_view(name);
}

void SqliteStatement::bind(int at, std::int64_t value) {
    check(sqlite3_bind_int64(statement_, at, value));
}

void SqliteStatement::bind_text(int at, std::string_view text) {
    check(sqlite3_bind_text(statement_, at, text.data() == nullptr ? "" : text.data(), static_cast<int>(text.size()),
                            SQLITE_STATIC));
}

void SqliteStatement::bind_blob(int at, const void* data, std::size_t size) {
    check(sqlite3_bind_blob(statement_, at, data, static_cast<int>(size), SQLITE_STATIC));
}

bool SqliteStatement::step() {
    const int code = sqlite3_step(statement_);
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) {
        sqlite3_reset(statement_);
        return false;
    }
    const SQLite::Exception failure(sqlite3_db_handle(statement_), code);
    sqlite3_reset(statement_);
    throw failure;
}

void SqliteStatement::run() {
    while (step()) {
    }
}

bool SqliteStatement::try_run() noexcept {
    int code = SQLITE_ROW;
    while (code == SQLITE_ROW) code = sqlite3_step(statement_);
    sqlite3_reset(statement_);
    return code == SQLITE_DONE;
}

void SqliteStatement::reset() noexcept {
    sqlite3_reset(statement_);
}

bool SqliteStatement::is_null(int column) const {
    return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

std::int64_t SqliteStatement::integer(int column) const {
    return sqlite3_column_int64(statement_, column);
}

std::optional<std::int64_t> SqliteStatement::integer_if_any(int column) const {
    if (is_null(column)) return std::nullopt;
    return integer(column);
}

std::string_view SqliteStatement::text(int column) const {
    const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    if (text == nullptr) return {};
    return std::string_view(text, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)));
}

std::span<const std::uint8_t> SqliteStatement::blob(int column) const {
    const auto* data = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement_, column));
    return std::span(data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)));
}

}  // namespace lurus
