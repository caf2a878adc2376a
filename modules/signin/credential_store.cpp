#include "modules/signin/credential_store.hpp"

namespace lurus {
namespace signin {
namespace {

constexpr std::string_view the_password = "the password";

Result<void> done_or_error(const Result<std::int64_t>& rows) {
    if (!rows) return std::unexpected(rows.error());
    return {};
}

}  // namespace

Result<std::int64_t> SqlCredentials::run(std::string_view doing, std::string_view statement,
                                         const sql::Values& values) {
    return database_.write(doing, [&](sql::Transaction& t) { return t.execute(statement, values); });
}

Result<std::int64_t> SqlCredentials::run_for(std::string_view user, std::string_view doing, std::string_view statement,
                                             const sql::Values& values) {
    return database_.write(doing, [&](sql::Transaction& t) {
        auto rows = t.execute(statement, values);
        if (rows && *rows > 0) changed(t, user);
        return rows;
    });
}

Result<std::optional<StoredPassword>> SqlCredentials::password(std::string_view user) {
    return database_.read("reading a password's hash", [&](sql::Connection& db) {
        return db.first("SELECT hash, version FROM password WHERE user_id = $1", {user}, [](const sql::Row& row) {
            StoredPassword password;
            password.hash = row.text(0);
            password.version = row.integer(1);
            return password;
        });
    });
}

Result<void> SqlCredentials::set_password(std::string_view user, std::string_view hash, std::int64_t version,
                                          UnixMicros now) {
    auto stored = database_.write("storing a password's hash", [&](sql::Transaction& t) -> Result<void> {
        const std::string_view statement =
            version == 0 ? "INSERT INTO password (user_id, hash, changed_us, version) VALUES ($1, $2, $3, $3) ON "
                           "CONFLICT DO NOTHING"
                         : "UPDATE password SET hash = $2, changed_us = $3, version = version + 1 WHERE user_id = $1 "
                           "AND version = $4";
        if (auto set = t.execute_versioned(statement, {user, hash, now, version}, the_password); !set) return set;
        auto done = t.execute(
            "UPDATE session SET ended_us = $1, ended_why = 'password changed' WHERE user_id = $2 AND ended_us IS NULL",
            {now, user});
        if (done) done = t.execute("DELETE FROM ticket WHERE subject = $1 AND purpose = 'reset'", {user});
        changed(t, user);
        return done_or_error(done);
    });
    if (stored) note_end_of(user, now);
    return stored;
}

Result<std::int64_t> SqlCredentials::rehash_password(std::string_view user, std::string_view hash,
                                                     std::int64_t version) {
    return database_.write("storing a password's hash", [&](sql::Transaction& t) -> Result<std::int64_t> {
        auto done = t.execute_versioned(
            "UPDATE password SET hash = $1, version = version + 1 WHERE user_id = $2 AND version = $3",
            {hash, user, version}, the_password);
        if (!done) return std::unexpected(done.error());
        changed(t, user);
        return version + 1;
    });
}

Result<std::optional<StoredTotp>> SqlCredentials::totp(std::string_view user) {
    return database_.read("reading a second factor", [&](sql::Connection& db) {
        return db.first(
            "SELECT sealed, confirmed_us IS NOT NULL, (SELECT count(*) FROM recovery_code r WHERE r.user_id = "
            "t.user_id AND r.used_us IS NULL), version FROM totp t WHERE user_id = $1",
            {user}, [](const sql::Row& row) {
                StoredTotp totp;
                totp.sealed = row.bytes(0);
                totp.confirmed = row.integer(1) != 0;
                totp.recovery_codes = static_cast<int>(row.integer(2));
                totp.version = row.integer(3);
                return totp;
            });
    });
}

Result<void> SqlCredentials::enrol_totp(std::string_view user, std::string_view sealed, UnixMicros now) {
    const auto rows =
        run_for(user, "storing a second factor",
                "INSERT INTO totp (user_id, sealed, version) VALUES ($1, $2, $3) ON CONFLICT (user_id) DO UPDATE SET "
                "sealed = excluded.sealed, version = totp.version + 1 WHERE totp.confirmed_us IS NULL",
                {user, sql::Bytes(std::string(sealed)), now});
    if (!rows) return std::unexpected(rows.error());
    if (*rows == 0)
        return fail(ErrorCode::conflict, "there is a second factor already; remove it before adding another");
    return {};
}

Result<void> SqlCredentials::confirm_totp(std::string_view user, std::int64_t version, std::int64_t step,
                                          const std::vector<SecretHash>& recovery, UnixMicros now) {
    return database_.write("storing a second factor", [&](sql::Transaction& t) -> Result<void> {
        auto rows = t.execute(
            "UPDATE totp SET confirmed_us = $1, last_step = $2, version = version + 1 WHERE user_id = $3 AND version = "
            "$4 AND confirmed_us IS NULL",
            {now, step, user, version});
        if (!rows) return std::unexpected(rows.error());
        if (*rows == 0)
            return fail(ErrorCode::conflict, "this second factor does not wait to be confirmed any more; begin again");
        for (const auto& hash : recovery) {
            rows = t.execute("INSERT INTO recovery_code (user_id, hash) VALUES ($1, $2)", {user, value_of(hash)});
            if (!rows) return std::unexpected(rows.error());
        }
        changed(t, user);
        return {};
    });
}

Result<bool> SqlCredentials::take_totp_step(std::string_view user, std::int64_t version, std::int64_t step) {
    const auto rows = run_for(
        user, "using a second factor",
        "UPDATE totp SET last_step = $1 WHERE user_id = $2 AND version = $3 AND (last_step < $1 OR last_step > $1 + 2)",
        {step, user, version});
    if (!rows) return std::unexpected(rows.error());
    return *rows == 1;
}

Result<bool> SqlCredentials::take_recovery_code(std::string_view user, const SecretHash& code, UnixMicros now) {
    const auto rows =
        run_for(user, "using a recovery code",
                "UPDATE recovery_code SET used_us = $1 WHERE user_id = $2 AND hash = $3 AND used_us IS NULL",
                {now, user, value_of(code)});
    if (!rows) return std::unexpected(rows.error());
    return *rows == 1;
}

Result<void> SqlCredentials::drop_totp(std::string_view user, std::int64_t version) {
    return database_.write("removing a second factor", [&](sql::Transaction& t) {
        auto done = t.execute_versioned("DELETE FROM totp WHERE user_id = $1 AND version = $2", {user, version},
                                        "the second factor");
        if (done) changed(t, user);
        return done;
    });
}

Result<void> SqlCredentials::reset_totp(std::string_view user, std::int64_t version, UnixMicros now) {
    auto reset = database_.write("removing a second factor", [&](sql::Transaction& t) -> Result<void> {
        auto gone = t.execute_versioned("DELETE FROM totp WHERE user_id = $1 AND version = $2", {user, version},
                                        "the second factor");
        if (!gone) return gone;
        const auto ended = t.execute(
            "UPDATE session SET ended_us = $1, ended_why = 'second factor removed' WHERE user_id = $2 AND ended_us IS "
            "NULL",
            {now, user});
        changed(t, user);
        return done_or_error(ended);
    });
    if (reset) note_end_of(user, now);
    return reset;
}

Result<std::vector<StoredSigningKey>> SqlCredentials::signing_keys() {
    return database_.read("reading the signing keys", [](sql::Connection& db) {
        return db.all(
            "SELECT kid, sealed, created_us, retired_us FROM signing_key ORDER BY retired_us IS NOT NULL, created_us "
            "DESC",
            {}, [](const sql::Row& row) {
                StoredSigningKey key;
                key.kid = row.text(0);
                key.sealed = row.bytes(1);
                key.created = row.integer(2);
                key.retired = row.integer_if_any(3);
                return key;
            });
    });
}

Result<void> SqlCredentials::add_signing_key(const StoredSigningKey& key, std::string_view current) {
    return database_.write("storing a signing key", [&](sql::Transaction& t) -> Result<void> {
        const auto another = t.exists("SELECT 1 FROM signing_key WHERE retired_us IS NULL AND kid <> $1", {current});
        if (!another) return std::unexpected(another.error());
        auto done = t.execute("UPDATE signing_key SET retired_us = $1 WHERE retired_us IS NULL", {key.created});
        if (!done) return std::unexpected(done.error());
        if (*another || *done != (current.empty() ? 0 : 1))
            return fail(ErrorCode::conflict, "another signing key was made meanwhile");
        done = t.execute("INSERT INTO signing_key (kid, sealed, created_us) VALUES ($1, $2, $3)",
                         {key.kid, sql::Bytes(key.sealed), key.created});
        t.changed(feed_name, "signing-keys");
        return done_or_error(done);
    });
}

Result<std::optional<OutsideLink>> SqlCredentials::outside_user(std::string_view provider, std::string_view subject) {
    return database_.read("reading an outside identity", [&](sql::Connection& db) {
        return db.first("SELECT user_id, version FROM outside_identity WHERE provider = $1 AND subject = $2",
                        {provider, subject}, [](const sql::Row& row) {
                            OutsideLink link;
                            link.user = row.text(0);
                            link.version = row.integer(1);
                            return link;
                        });
    });
}

Result<void> SqlCredentials::link_outside(std::string_view provider, std::string_view subject, const OutsideLink& link,
                                          UnixMicros now) {
    return database_.write("storing an outside identity", [&](sql::Transaction& t) {
        const std::string_view statement =
            link.version == 0
                ? "INSERT INTO outside_identity (provider, subject, user_id, linked_us, version) VALUES ($1, $2, $3, "
                  "$4, $4) ON CONFLICT DO NOTHING"
                : "UPDATE outside_identity SET user_id = $3, linked_us = $4, version = version + 1 WHERE provider = $1 "
                  "AND subject = $2 AND version = $5";
        auto done = t.execute_versioned(statement, {provider, subject, link.user, now, link.version},
                                        "who this is at " + std::string(provider));
        if (done) changed(t, link.user);
        return done;
    });
}

Result<void> SqlCredentials::forget(std::string_view user) {
    auto erased = database_.write("erasing a user's credentials", [&](sql::Transaction& t) -> Result<void> {
        for (const char* statement : {"DELETE FROM password WHERE user_id = $1", "DELETE FROM totp WHERE user_id = $1",
                                      "DELETE FROM session WHERE user_id = $1", "DELETE FROM ticket WHERE subject = $1",
                                      "DELETE FROM outside_identity WHERE user_id = $1"}) {
            if (auto done = t.execute(statement, {user}); !done) return std::unexpected(done.error());
        }
        t.deleted(feed_name, "user/" + std::string(user));
        return {};
    });
    if (erased) note_end_of(user, 0);
    return erased;
}

Result<void> SqlCredentials::prune(UnixMicros now, UnixMicros keys_before) {
    return database_.write("removing what expired", [&](sql::Transaction& t) -> Result<void> {
        auto done = t.execute("DELETE FROM session WHERE expires_us <= $1", {now});
        if (done) done = t.execute("DELETE FROM ticket WHERE expires_us <= $1", {now});
        if (done) done = t.execute("DELETE FROM signing_key WHERE retired_us <= $1", {keys_before});
        return done_or_error(done);
    });
}

}  // namespace signin

std::unique_ptr<CredentialStore> make_credential_store(sql::Database& database) {
    return std::make_unique<signin::SqlCredentials>(database, nullptr);
}

std::unique_ptr<CredentialStore> make_credential_store_of_mirror(sql::Database& database) {
    constexpr std::size_t most_sessions = 10'000;  // of some 400 bytes each
    return std::make_unique<signin::SqlCredentials>(database, std::make_unique<signin::SeenSessions>(most_sessions));
}

}  // namespace lurus
