#include <mutex>

#include "control/state/flags.hpp"
#include "core/db/sqlite.hpp"

namespace lurus::app {
namespace {

using Json = nlohmann::ordered_json;

class SqliteFlags final : public FlagStore {
public:
    explicit SqliteFlags(std::unique_ptr<SQLite::Database> db) : db_(std::move(db)) {
        SQLite::Statement select(*db_, "SELECT name, value FROM flag");
        while (select.executeStep()) {
            values_.insert_or_assign(select.getColumn(0).getString(),
                                     Json::parse(select.getColumn(1).getString(), nullptr, false));
        }
    }

    Result<void> set(std::string_view name, const Json& value, UnixMicros now) override {
        const std::scoped_lock lock(mutex_);
        try {
            SQLite::Statement insert(*db_, "INSERT OR REPLACE INTO flag (name, value, changed_us) VALUES (?, ?, ?)");
            insert.bind(1, std::string(name));
            insert.bind(2, value.dump());
            insert.bind(3, now);
            insert.exec();
            values_.insert_or_assign(std::string(name), value);
            return {};
        } catch (const SQLite::Exception& e) {
            return std::unexpected(sqlite_error("storing a flag", e));
        }
    }

    Result<void> unset(std::string_view name) override {
        const std::scoped_lock lock(mutex_);
        try {
            SQLite::Statement remove(*db_, "DELETE FROM flag WHERE name = ?");
            remove.bind(1, std::string(name));
            remove.exec();
            values_.erase(std::string(name));
            return {};
        } catch (const SQLite::Exception& e) {
            return std::unexpected(sqlite_error("forgetting a flag", e));
        }
    }

    std::map<std::string, Json> all() const override {
        const std::scoped_lock lock(mutex_);
        return values_;
    }

private:
    mutable std::mutex mutex_;
    std::unique_ptr<SQLite::Database> db_;
    std::map<std::string, Json> values_;  // as in the file: reading the configuration again needs no database
};

}  // namespace

Result<std::unique_ptr<FlagStore>> open_flag_store_sqlite(const std::filesystem::path& file) {
    auto db = open_sqlite(file, "flags");
    if (!db) return std::unexpected(db.error());
    try {
        return std::make_unique<SqliteFlags>(*std::move(db));
    } catch (const SQLite::Exception& e) {
        return std::unexpected(sqlite_error("reading the flags", e));
    }
}

}  // namespace lurus::app
