#include "core/sqlite.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <string>
#include <vector>

#include "core/embedded.hpp"
#include "core/sha256.hpp"

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

Result<void> migrate(SQLite::Database& db, std::string_view set, const std::filesystem::path& file) {
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
        while (select.executeStep()) applied.emplace_back(select.getColumn(0).getInt(), select.getColumn(1).getString());
    }
    for (const auto& [number, sum] : applied) {
        const auto known = std::ranges::find(wanted, number, &Migration::number);
        if (known == wanted.end()) {
            return fail(ErrorCode::corrupt, file.string() + " was written by a newer lurus (migration " + std::to_string(number) +
                                                "); use that version or another data folder");
        }
        if (sha256_hex(known->sql) != sum) {
            return fail(ErrorCode::corrupt, file.string() + ": migration " + known->name + " is not the one that was applied to it");
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
        default: break;
    }
    return Error(code, std::string(doing) + ": " + e.what());
}

Result<std::unique_ptr<SQLite::Database>> open_sqlite(const std::filesystem::path& file, std::string_view set,
                                                      const SqliteOptions& options) {
    try {
        auto db = std::make_unique<SQLite::Database>(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE,
                                                     options.busy_timeout_ms);
        std::error_code ignored;
        std::filesystem::permissions(file, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write, ignored);
        db->exec("PRAGMA page_size=" + std::to_string(options.page_size));
        db->exec("PRAGMA journal_mode=WAL");
        db->exec(options.strict ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL");
        db->exec("PRAGMA foreign_keys=ON");
        if (auto done = migrate(*db, set, file); !done) return std::unexpected(done.error());
        return db;
    } catch (const SQLite::Exception& e) {
        return std::unexpected(sqlite_error("opening " + file.string(), e));
    }
}

Result<std::unique_ptr<SQLite::Database>> open_sqlite_reader(const std::filesystem::path& file) {
    try {
        return std::make_unique<SQLite::Database>(file.string(), SQLite::OPEN_READONLY, 5000);
    } catch (const SQLite::Exception& e) {
        return std::unexpected(sqlite_error("opening " + file.string(), e));
    }
}

}  // namespace lurus
