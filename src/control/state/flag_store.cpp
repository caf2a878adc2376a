#include "core/db/sql.hpp"
#include "core/db/sql_feed.hpp"
#include "lurus/store/flags.hpp"

namespace lurus {
namespace control {
namespace {

constexpr std::string_view flag_feed = "flag";

std::string flag_called(std::string_view name) {
    return "the flag '" + std::string(name) + "'";
}

class SqlFlags final : public FlagStore {
public:
    explicit SqlFlags(sql::Database& database) : database_(database), changes_(database, std::string(flag_feed)) {}

    Result<std::vector<StoredFlag>> all() override {
        return database_.read("reading the flags", [](sql::Connection& db) {
            return db.all("SELECT name, value, version FROM flag", {}, [](const sql::Row& row) {
                StoredFlag flag;
                flag.name = row.text(0);
                flag.value = row.text(1);
                flag.version = row.integer(2);
                return flag;
            });
        });
    }

    Result<std::int64_t> set(const StoredFlag& flag, UnixMicros now) override {
        return database_.write("storing a flag", [&](sql::Transaction& db) -> Result<std::int64_t> {
            const std::string_view statement =
                flag.version == 0 ? "INSERT INTO flag (name, value, changed_us, version) VALUES ($1, $2, $3, $3) "
                                    "ON CONFLICT DO NOTHING"
                                  : "UPDATE flag SET value = $2, changed_us = $3, version = version + 1 "
                                    "WHERE name = $1 AND version = $4";
            const auto done =
                db.execute_versioned(statement, {flag.name, flag.value, now, flag.version}, flag_called(flag.name));
            if (!done) return std::unexpected(done.error());
            db.changed(flag_feed, flag.name);
            return flag.version == 0 ? now : flag.version + 1;
        });
    }

    Result<void> unset(std::string_view name, std::int64_t version) override {
        return database_.write("forgetting a flag", [&](sql::Transaction& db) {
            auto done = db.execute_versioned("DELETE FROM flag WHERE name = $1 AND version = $2", {name, version},
                                             flag_called(name));
            if (done) db.deleted(flag_feed, name);
            return done;
        });
    }

    ChangeFeed& changes() override { return changes_; }

private:
    sql::Database& database_;
    sql::SqlFeed changes_;
};

}  // namespace
}  // namespace control

std::unique_ptr<FlagStore> make_flag_store(sql::Database& database) {
    return std::make_unique<control::SqlFlags>(database);
}

}  // namespace lurus
