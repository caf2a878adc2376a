#include <cstring>
#include <nlohmann/json.hpp>

#include "core/db/sqlite.hpp"
#include "modules/identity/keys/key_rules.hpp"
#include "modules/identity/keys/key_store.hpp"

namespace lurus::identity {
namespace {

std::string json_of(const std::vector<std::string>& values) {
    return nlohmann::json(values).dump();
}

std::string json_of(const std::vector<Family>& values) {
    auto out = nlohmann::json::array();
    for (const Family family : values) out.push_back(name_of(family));
    return out.dump();
}

Error damaged(const std::string& id, std::string_view column) {
    return Error(ErrorCode::corrupt,
                 "api_key " + id + ": column " + std::string(column) + " does not hold what this program writes");
}

Result<std::vector<std::string>> strings_from(const std::string& text, const std::string& id, std::string_view column) {
    const auto parsed = nlohmann::json::parse(text, nullptr, false);
    if (!parsed.is_array()) return std::unexpected(damaged(id, column));
    std::vector<std::string> out;
    for (const auto& value : parsed) {
        if (!value.is_string()) return std::unexpected(damaged(id, column));
        out.push_back(value.get<std::string>());
    }
    return out;
}

class SqliteKeys final : public KeyStore {
public:
    explicit SqliteKeys(std::unique_ptr<SQLite::Database> db) : db_(std::move(db)) {}

    Result<std::vector<KeyInfo>> load() override {
        try {
            SQLite::Statement select(
                *db_,
                "SELECT id, name, owner, hint, note, created_us, expires_us, disabled, models, families, hash, rules, "
                "org, team, tags, expires_after_us, last_used_us, old_hash, old_until_us "
                "FROM api_key LEFT JOIN key_rules ON key_id = id WHERE revoked_us IS NULL ORDER BY created_us, id");
            std::vector<KeyInfo> keys;
            while (select.executeStep()) {
                auto key = read(select);
                if (!key) return std::unexpected(key.error());
                keys.push_back(*std::move(key));
            }
            return keys;
        } catch (const SQLite::Exception& e) {
            return std::unexpected(sqlite_error("reading keys", e));
        }
    }

    Result<void> insert(const KeyInfo& key) override {
        try {
            SQLite::Transaction transaction(*db_);
            SQLite::Statement insert(
                *db_,
                "INSERT INTO api_key (id, name, created_us, org, owner, team, tags, hint, note, expires_us, "
                "expires_after_us, disabled, models, families, hash, old_hash, old_until_us) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
            insert.bind(1, key.id);
            insert.bind(2, key.name);
            insert.bind(3, key.created);
            insert.bind(4, key.org);
            bind_changeable(insert, 5, key);
            insert.exec();
            write_rules(key);
            transaction.commit();
            return {};
        } catch (const SQLite::Exception& e) {
            return std::unexpected(sqlite_error("storing key `" + key.name + "`", e));
        }
    }

    Result<void> update(const KeyInfo& key) override {
        try {
            SQLite::Transaction transaction(*db_);
            SQLite::Statement update(
                *db_,
                "UPDATE api_key SET owner = ?, team = ?, tags = ?, hint = ?, note = ?, expires_us = ?, "
                "expires_after_us = ?, disabled = ?, models = ?, families = ?, hash = ?, old_hash = ?, old_until_us = "
                "? WHERE id = ? AND revoked_us IS NULL");
            update.bind(bind_changeable(update, 1, key), key.id);
            if (auto found = one_row(update.exec(), key.name); !found) return found;
            write_rules(key);
            transaction.commit();
            return {};
        } catch (const SQLite::Exception& e) {
            return std::unexpected(sqlite_error("changing key `" + key.name + "`", e));
        }
    }

    Result<void> note_use(const std::vector<std::pair<std::string, UnixMicros>>& used) override {
        try {
            SQLite::Transaction transaction(*db_);
            SQLite::Statement update(*db_, "UPDATE api_key SET last_used_us = ? WHERE id = ?");
            for (const auto& [id, when] : used) {
                update.bind(1, when);
                update.bind(2, id);
                update.exec();
                update.reset();
            }
            transaction.commit();
            return {};
        } catch (const SQLite::Exception& e) {
            return std::unexpected(sqlite_error("storing when keys were used", e));
        }
    }

    Result<void> revoke(const std::string& id, UnixMicros when, bool forget) override {
        try {
            SQLite::Statement update(
                *db_, forget ? "UPDATE api_key SET revoked_us = ?, name = id, note = '', tags = '[]' WHERE id = ? AND "
                               "revoked_us IS NULL"
                             : "UPDATE api_key SET revoked_us = ? WHERE id = ? AND revoked_us IS NULL");
            update.bind(1, when);
            update.bind(2, id);
            return one_row(update.exec(), id);
        } catch (const SQLite::Exception& e) {
            return std::unexpected(sqlite_error("revoking key " + id, e));
        }
    }

private:
    void write_rules(const KeyInfo& key) {
        SQLite::Statement write(*db_, "INSERT OR REPLACE INTO key_rules (key_id, rules) VALUES (?, ?)");
        write.bind(1, key.id);
        write.bind(2, stored_rules(key.rules));
        write.exec();
    }

    // From parameter `at` on; the number of the next one.
    static int bind_changeable(SQLite::Statement& statement, int at, const KeyInfo& key) {
        statement.bind(at++, key.user);
        statement.bind(at++, key.team);
        statement.bind(at++, json_of(key.tags));
        statement.bind(at++, key.hint);
        statement.bind(at++, key.note);
        bind_time(statement, at++, key.expires);
        bind_time(statement, at++, key.expires_after);
        statement.bind(at++, key.disabled ? 1 : 0);
        statement.bind(at++, json_of(key.models));
        statement.bind(at++, json_of(key.families));
        statement.bind(at++, key.hash.data(), static_cast<int>(key.hash.size()));
        if (key.old) {
            statement.bind(at++, key.old->hash.data(), static_cast<int>(key.old->hash.size()));
            statement.bind(at++, key.old->until);
        } else {
            statement.bind(at++);
            statement.bind(at++);
        }
        return at;
    }

    static void bind_time(SQLite::Statement& statement, int at, const std::optional<UnixMicros>& time) {
        if (time) {
            statement.bind(at, *time);
        } else {
            statement.bind(at);
        }
    }

    static Result<void> one_row(int rows, const std::string& name) {
        if (rows == 0) return fail(ErrorCode::not_found, "key `" + name + "` is not stored any more");
        return {};
    }

    static Result<KeyInfo> read(SQLite::Statement& row) {
        KeyInfo key;
        key.id = row.getColumn(0).getString();
        key.name = row.getColumn(1).getString();
        key.user = row.getColumn(2).getString();
        key.hint = row.getColumn(3).getString();
        key.note = row.getColumn(4).getString();
        key.source = "store";
        key.created = row.getColumn(5).getInt64();
        if (!row.getColumn(6).isNull()) key.expires = row.getColumn(6).getInt64();
        key.disabled = row.getColumn(7).getInt() != 0;
        auto models = strings_from(row.getColumn(8).getString(), key.id, "models");
        if (!models) return std::unexpected(models.error());
        key.models = *std::move(models);
        const auto families = strings_from(row.getColumn(9).getString(), key.id, "families");
        if (!families) return std::unexpected(families.error());
        for (const auto& name : *families) {
            const auto family = family_from(name);
            if (!family) return std::unexpected(damaged(key.id, "families"));
            key.families.push_back(*family);
        }
        const auto hash = row.getColumn(10);
        if (hash.getBytes() != static_cast<int>(key.hash.size())) return std::unexpected(damaged(key.id, "hash"));
        std::memcpy(key.hash.data(), hash.getBlob(), key.hash.size());
        if (!row.getColumn(11).isNull()) {
            auto rules = rules_from_stored(row.getColumn(11).getString());
            if (!rules) return std::unexpected(damaged(key.id, "rules"));
            key.rules = *std::move(rules);
        }
        key.org = row.getColumn(12).getString();
        key.team = row.getColumn(13).getString();
        auto tags = strings_from(row.getColumn(14).getString(), key.id, "tags");
        if (!tags) return std::unexpected(tags.error());
        key.tags = *std::move(tags);
        if (!row.getColumn(15).isNull()) key.expires_after = row.getColumn(15).getInt64();
        if (!row.getColumn(16).isNull()) key.last_used = row.getColumn(16).getInt64();
        if (const auto old = row.getColumn(17); !old.isNull()) {
            key.old.emplace();
            if (old.getBytes() != static_cast<int>(key.old->hash.size()))
                return std::unexpected(damaged(key.id, "old_hash"));
            std::memcpy(key.old->hash.data(), old.getBlob(), key.old->hash.size());
            key.old->until = row.getColumn(18).getInt64();
        }
        return key;
    }

    std::unique_ptr<SQLite::Database> db_;
};

}  // namespace

Result<std::unique_ptr<KeyStore>> open_key_store_sqlite(const std::filesystem::path& file) {
    auto db = open_sqlite(file, "identity");
    if (!db) return std::unexpected(db.error());
    // A table of the same file that refers to the keys'.
    if (auto rules = open_sqlite(file, "limits"); !rules) return std::unexpected(rules.error());
    return std::make_unique<SqliteKeys>(*std::move(db));
}

}  // namespace lurus::identity
