#include <boost/algorithm/hex.hpp>
#include <cstring>
#include <iterator>
#include <nlohmann/json.hpp>

#include "core/db/sql_feed.hpp"
#include "lurus/store/keys.hpp"
#include "modules/identity/keys/key_bounds.hpp"
#include "modules/identity/keys/key_rules.hpp"

namespace lurus {
namespace identity {
namespace {

constexpr std::string_view key_feed = "keys";
#define LURUS_KEY_COLUMNS                                                                                       \
    "id, name, owner, hint, note, created_us, expires_us, disabled, models, families, hash, rules, org, team, " \
    "tags, expires_after_us, last_used_us, old_values, version, set_by_admin "                                  \
    "FROM api_key LEFT JOIN key_rules ON key_id = id WHERE revoked_us IS "

std::string stored_json(const std::vector<std::string>& values) {
    return nlohmann::json(values).dump();
}

std::string stored_json(const std::vector<Family>& values) {
    auto out = nlohmann::json::array();
    for (const Family family : values) out.push_back(name_of(family));
    return out.dump();
}

Error damaged(const std::string& id, std::string_view column) {
    return Error(ErrorCode::corrupt,
                 "api_key " + id + ": column " + std::string(column) + " does not hold what this program writes");
}

Result<std::vector<std::string>> strings_from(std::string_view text, const std::string& id, std::string_view column) {
    const auto parsed = nlohmann::json::parse(text, nullptr, false);
    if (!parsed.is_array()) return std::unexpected(damaged(id, column));
    std::vector<std::string> out;
    for (const auto& value : parsed) {
        if (!value.is_string()) return std::unexpected(damaged(id, column));
        out.push_back(value.get<std::string>());
    }
    return out;
}

sql::Bytes bytes_of(const Sha256& hash) {
    return sql::Bytes(hash.data(), hash.size());
}

Result<Sha256> hash_from(std::string_view bytes, const std::string& id, std::string_view column) {
    Sha256 hash{};
    if (bytes.size() != hash.size()) return std::unexpected(damaged(id, column));
    std::memcpy(hash.data(), bytes.data(), hash.size());
    return hash;
}

std::string stored_json(const std::vector<OldKey>& values) {
    auto out = nlohmann::json::array();
    for (const auto& old : values) {
        std::string hex;
        boost::algorithm::hex_lower(old.hash.begin(), old.hash.end(), std::back_inserter(hex));
        out.push_back({{"hash", std::move(hex)}, {"hint", old.hint}, {"until", old.until}});
    }
    return out.dump();
}

Result<std::vector<OldKey>> old_values_from(std::string_view text, const std::string& id) {
    constexpr const char* column = "old_values";
    std::vector<OldKey> out;
    const auto parsed = nlohmann::json::parse(text, nullptr, false);
    if (!parsed.is_array()) return std::unexpected(damaged(id, column));
    for (const auto& value : parsed) {
        try {
            const auto hash = hash_from(boost::algorithm::unhex(value.at("hash").get<std::string>()), id, column);
            if (!hash) return std::unexpected(hash.error());
            out.push_back({*hash, value.at("hint").get<std::string>(), value.at("until").get<UnixMicros>()});
        } catch (const std::exception&) {
            return std::unexpected(damaged(id, column));
        }
    }
    return out;
}

Result<KeyInfo> key_from(const sql::Row& row) {
    KeyInfo key;
    key.id = row.text(0);
    key.name = row.text(1);
    key.user = row.text(2);
    key.hint = row.text(3);
    key.note = row.text(4);
    key.source = "store";
    key.created = row.integer(5);
    key.expires = row.integer_if_any(6);
    key.disabled = row.integer(7) != 0;
    auto models = strings_from(row.text(8), key.id, "models");
    if (!models) return std::unexpected(models.error());
    key.models = *std::move(models);
    const auto families = strings_from(row.text(9), key.id, "families");
    if (!families) return std::unexpected(families.error());
    for (const auto& name : *families) {
        const auto family = family_from(name);
        if (!family) return std::unexpected(damaged(key.id, "families"));
        key.families.push_back(*family);
    }
    const auto hash = hash_from(row.bytes(10), key.id, "hash");
    if (!hash) return std::unexpected(hash.error());
    key.hash = *hash;
    if (!row.is_null(11)) {
        auto rules = rules_from_stored(std::string(row.text(11)));
        if (!rules) return std::unexpected(damaged(key.id, "rules"));
        key.rules = *std::move(rules);
    }
    key.org = row.text(12);
    key.team = row.text(13);
    auto tags = strings_from(row.text(14), key.id, "tags");
    if (!tags) return std::unexpected(tags.error());
    key.tags = *std::move(tags);
    key.expires_after = row.integer_if_any(15);
    key.last_used = row.integer_if_any(16);
    auto old = old_values_from(row.text(17), key.id);
    if (!old) return std::unexpected(old.error());
    key.old = *std::move(old);
    key.version = row.integer(18);
    if (!row.is_null(19) && row.text(19) != "{}") {
        auto bounds = bounds_from_stored(row.text(19));
        if (!bounds) return std::unexpected(damaged(key.id, "set_by_admin"));
        if (*bounds != KeyBounds()) key.bounds = std::make_shared<const KeyBounds>(*std::move(bounds));
    }
    return key;
}

/// What an update may change, in the order of its statement.
void add_changeable(sql::Values& values, const KeyInfo& key) {
    values.insert(values.end(), {key.user, key.team, stored_json(key.tags), key.hint, key.note, key.expires,
                                 key.expires_after, key.disabled, stored_json(key.models), stored_json(key.families),
                                 bytes_of(key.hash), stored_json(key.old)});
}

Result<void> write_rules(sql::Transaction& t, const KeyInfo& key) {
    auto done = t.execute(
        "INSERT INTO key_rules (key_id, rules, set_by_admin) VALUES ($1, $2, $3) ON CONFLICT (key_id) DO UPDATE SET "
        "rules = excluded.rules, set_by_admin = excluded.set_by_admin",
        {key.id, stored_rules(key.rules), key.bounds ? stored_bounds(*key.bounds) : std::string("{}")});
    if (!done) return std::unexpected(done.error());
    t.changed(key_feed, key.id);
    return {};
}

class SqlKeys final : public KeyStore {
public:
    explicit SqlKeys(sql::Database& database) : database_(database), feed_(database, std::string(key_feed)) {}

    Result<std::vector<KeyInfo>> load() override {
        return database_.read("reading keys", [](sql::Connection& db) {
            return db.all("SELECT " LURUS_KEY_COLUMNS "NULL ORDER BY created_us, id", {}, key_from);
        });
    }

    Result<std::optional<KeyInfo>> find(std::string_view id) override {
        return database_.read("reading a key", [&](sql::Connection& db) {
            return db.first("SELECT " LURUS_KEY_COLUMNS "NULL AND id = $1", {id}, key_from);
        });
    }

    Result<std::optional<KeyInfo>> last_revoked(std::string_view org, std::string_view owner,
                                                std::string_view name) override {
        return database_.read("reading a revoked key", [&](sql::Connection& db) {
            return db.first("SELECT " LURUS_KEY_COLUMNS
                            "NOT NULL AND org = $1 AND owner = $2 AND name = $3 ORDER BY revoked_us DESC, created_us "
                            "DESC, id DESC LIMIT 1",
                            {org, owner, name}, key_from);
        });
    }

    Result<void> insert(const KeyInfo& key) override {
        return database_.write("storing key `" + key.name + "`", [&](sql::Transaction& t) -> Result<void> {
            sql::Values values{key.id, key.name, key.created, key.org};
            add_changeable(values, key);
            auto done = t.execute(
                "INSERT INTO api_key (id, name, created_us, org, owner, team, tags, hint, note, expires_us, "
                "expires_after_us, disabled, models, families, hash, old_values) VALUES ($1, $2, $3, $4, "
                "$5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
                values);
            if (!done) return std::unexpected(done.error());
            return write_rules(t, key);
        });
    }

    Result<std::int64_t> update(const KeyInfo& key) override {
        return database_.write("changing key `" + key.name + "`", [&](sql::Transaction& t) -> Result<std::int64_t> {
            sql::Values values{key.id, key.version};
            add_changeable(values, key);
            auto done = t.execute_versioned(
                "UPDATE api_key SET owner = $3, team = $4, tags = $5, hint = $6, note = $7, expires_us = $8, "
                "expires_after_us = $9, disabled = $10, models = $11, families = $12, hash = $13, old_values = $14, "
                "version = version + 1 WHERE id = $1 AND version = $2 AND revoked_us IS NULL",
                values, "key `" + key.name + "`");
            if (done) done = write_rules(t, key);
            if (!done) return std::unexpected(done.error());
            return key.version + 1;
        });
    }

    Result<void> note_use(const std::vector<std::pair<std::string, UnixMicros>>& used) override {
        return database_.write("storing when keys were used", [&](sql::Transaction& t) -> Result<void> {
            for (const auto& [id, when] : used) {
                auto done = t.execute(
                    "UPDATE api_key SET last_used_us = $1 WHERE id = $2 AND (last_used_us IS NULL OR last_used_us < "
                    "$1)",
                    {when, id});
                if (!done) return std::unexpected(done.error());
            }
            return {};
        });
    }

    Result<std::vector<std::string>> revoke(const std::vector<std::string>& ids, UnixMicros when,
                                            bool forget) override {
        return database_.write("revoking keys", [&](sql::Transaction& t) -> Result<std::vector<std::string>> {
            std::vector<std::string> revoked;
            for (const auto& id : ids) {
                const auto rows = t.execute(
                    forget ? "UPDATE api_key SET revoked_us = $1, version = version + 1, name = id, note = '', tags = "
                             "'[]' WHERE id = $2 AND revoked_us IS NULL"
                           : "UPDATE api_key SET revoked_us = $1, version = version + 1 WHERE id = $2 AND revoked_us "
                             "IS NULL",
                    {when, id});
                if (!rows) return std::unexpected(rows.error());
                if (*rows == 0) continue;
                t.deleted(key_feed, id);
                revoked.push_back(id);
            }
            return revoked;
        });
    }

    ChangeFeed& changes() override { return feed_; }

private:
    sql::Database& database_;
    sql::SqlFeed feed_;
};

}  // namespace
}  // namespace identity

std::unique_ptr<KeyStore> make_key_store(sql::Database& database) {
    return std::make_unique<identity::SqlKeys>(database);
}

}  // namespace lurus
