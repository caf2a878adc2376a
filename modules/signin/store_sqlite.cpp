#include "modules/signin/store_sqlite.hpp"

namespace lurus::signin {

Result<std::optional<std::string>> SqliteStore::password(std::string_view user) {
    return guarded("reading a password's hash", [&]() -> Result<std::optional<std::string>> {
        auto row = query("SELECT hash FROM password WHERE user_id = ?", user);
        if (!row.executeStep()) return std::nullopt;
        return row.getColumn(0).getString();
    });
}

Result<void> SqliteStore::set_password(std::string_view user, std::string_view hash, UnixMicros now) {
    return guarded("storing a password's hash", [&]() -> Result<void> {
        SQLite::Transaction transaction(*db_, SQLite::TransactionBehavior::IMMEDIATE);
        run("INSERT INTO password (user_id, hash, changed_us) VALUES (?, ?, ?) ON CONFLICT (user_id) DO UPDATE SET "
            "hash = excluded.hash, changed_us = excluded.changed_us",
            user, hash, now);
        run("UPDATE session SET ended_us = ?, ended_why = 'password changed' WHERE user_id = ? AND ended_us IS NULL",
            now, user);
        run("DELETE FROM ticket WHERE subject = ? AND purpose = 'reset'", user);
        transaction.commit();
        return {};
    });
}

Result<void> SqliteStore::rehash_password(std::string_view user, std::string_view old, std::string_view hash) {
    return guarded("storing a password's hash", [&]() -> Result<void> {
        run("UPDATE password SET hash = ? WHERE user_id = ? AND hash = ?", hash, user, old);
        return {};
    });
}

Result<std::optional<StoredTotp>> SqliteStore::totp(std::string_view user) {
    return guarded("reading a second factor", [&]() -> Result<std::optional<StoredTotp>> {
        auto row = query(
            "SELECT sealed, confirmed_us IS NOT NULL, (SELECT count(*) FROM recovery_code r WHERE r.user_id = "
            "t.user_id "
            "AND r.used_us IS NULL) FROM totp t WHERE user_id = ?",
            user);
        if (!row.executeStep()) return std::nullopt;
        StoredTotp totp;
        totp.sealed = row.getColumn(0).getString();
        totp.confirmed = row.getColumn(1).getInt() != 0;
        totp.recovery_codes = row.getColumn(2).getInt();
        return totp;
    });
}

Result<void> SqliteStore::enrol_totp(std::string_view user, std::string_view sealed) {
    return guarded("storing a second factor", [&]() -> Result<void> {
        const int rows =
            run("INSERT INTO totp (user_id, sealed) VALUES (?, ?) ON CONFLICT (user_id) DO UPDATE SET sealed = "
                "excluded.sealed WHERE confirmed_us IS NULL",
                user, Blob{sealed});
        if (rows == 0)
            return fail(ErrorCode::conflict, "there is a second factor already; remove it before adding another");
        return {};
    });
}

Result<void> SqliteStore::confirm_totp(std::string_view user, std::int64_t step, const std::vector<Hash>& recovery,
                                       UnixMicros now) {
    return guarded("storing a second factor", [&]() -> Result<void> {
        SQLite::Transaction transaction(*db_, SQLite::TransactionBehavior::IMMEDIATE);
        const int rows =
            run("UPDATE totp SET confirmed_us = ?, last_step = ? WHERE user_id = ? AND confirmed_us IS NULL", now, step,
                user);
        if (rows == 0) return fail(ErrorCode::conflict, "there is no second factor that waits to be confirmed");
        for (const auto& hash : recovery) run("INSERT INTO recovery_code (user_id, hash) VALUES (?, ?)", user, hash);
        transaction.commit();
        return {};
    });
}

Result<bool> SqliteStore::take_totp_step(std::string_view user, std::int64_t step) {
    return guarded("using a second factor", [&]() -> Result<bool> {
        return run("UPDATE totp SET last_step = ? WHERE user_id = ? AND last_step < ?", step, user, step) == 1;
    });
}

Result<bool> SqliteStore::take_recovery_code(std::string_view user, const Hash& code, UnixMicros now) {
    return guarded("using a recovery code", [&]() -> Result<bool> {
        return run("UPDATE recovery_code SET used_us = ? WHERE user_id = ? AND hash = ? AND used_us IS NULL", now, user,
                   code) == 1;
    });
}

Result<void> SqliteStore::drop_totp(std::string_view user) {
    return guarded("removing a second factor", [&]() -> Result<void> {
        run("DELETE FROM totp WHERE user_id = ?", user);
        return {};
    });
}

Result<std::vector<StoredSigningKey>> SqliteStore::signing_keys() {
    return guarded("reading the signing keys", [&]() -> Result<std::vector<StoredSigningKey>> {
        std::vector<StoredSigningKey> keys;
        auto row = query(
            "SELECT kid, sealed, created_us, retired_us FROM signing_key ORDER BY retired_us IS NOT NULL, created_us "
            "DESC");
        while (row.executeStep()) {
            StoredSigningKey key;
            key.kid = row.getColumn(0).getString();
            key.sealed = row.getColumn(1).getString();
            key.created = row.getColumn(2).getInt64();
            if (!row.getColumn(3).isNull()) key.retired = row.getColumn(3).getInt64();
            keys.push_back(std::move(key));
        }
        return keys;
    });
}

Result<void> SqliteStore::add_signing_key(const StoredSigningKey& key) {
    return guarded("storing a signing key", [&]() -> Result<void> {
        SQLite::Transaction transaction(*db_, SQLite::TransactionBehavior::IMMEDIATE);
        run("UPDATE signing_key SET retired_us = ? WHERE retired_us IS NULL", key.created);
        run("INSERT INTO signing_key (kid, sealed, created_us) VALUES (?, ?, ?)", key.kid, Blob{key.sealed},
            key.created);
        transaction.commit();
        return {};
    });
}

Result<std::optional<std::string>> SqliteStore::outside_user(std::string_view provider, std::string_view subject) {
    return guarded("reading an outside identity", [&]() -> Result<std::optional<std::string>> {
        auto row = query("SELECT user_id FROM outside_identity WHERE provider = ? AND subject = ?", provider, subject);
        if (!row.executeStep()) return std::nullopt;
        return row.getColumn(0).getString();
    });
}

Result<void> SqliteStore::link_outside(std::string_view provider, std::string_view subject, std::string_view user,
                                       UnixMicros now) {
    return guarded("storing an outside identity", [&]() -> Result<void> {
        run("INSERT INTO outside_identity (provider, subject, user_id, linked_us) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (provider, subject) DO UPDATE SET user_id = excluded.user_id, linked_us = excluded.linked_us",
            provider, subject, user, now);
        return {};
    });
}

Result<void> SqliteStore::forget(std::string_view user) {
    return guarded("erasing a user's credentials", [&]() -> Result<void> {
        SQLite::Transaction transaction(*db_, SQLite::TransactionBehavior::IMMEDIATE);
        for (const char* sql : {"DELETE FROM password WHERE user_id = ?", "DELETE FROM totp WHERE user_id = ?",
                                "DELETE FROM session WHERE user_id = ?", "DELETE FROM ticket WHERE subject = ?",
                                "DELETE FROM outside_identity WHERE user_id = ?"}) {
            run(sql, user);
        }
        transaction.commit();
        return {};
    });
}

Result<void> SqliteStore::prune(UnixMicros now, UnixMicros keys_before) {
    return guarded("removing what expired", [&]() -> Result<void> {
        SQLite::Transaction transaction(*db_, SQLite::TransactionBehavior::IMMEDIATE);
        run("DELETE FROM session WHERE expires_us <= ?", now);
        run("DELETE FROM ticket WHERE expires_us <= ?", now);
        run("DELETE FROM signing_key WHERE retired_us <= ?", keys_before);
        transaction.commit();
        return {};
    });
}

Result<std::unique_ptr<Store>> open_store_sqlite(const std::filesystem::path& file) {
    auto db = open_sqlite(file, "signin");
    if (!db) return std::unexpected(db.error());
    return std::make_unique<SqliteStore>(*std::move(db));
}

}  // namespace lurus::signin
