#pragma once
// Credentials in a SQL database.

#include "core/db/sql_feed.hpp"
#include "lurus/store/credentials.hpp"
#include "modules/signin/seen_sessions.hpp"

namespace lurus::signin {

class SqlCredentials final : public CredentialStore {
public:
    /// `seen`: null where no session is to be remembered.
    SqlCredentials(sql::Database& database, std::unique_ptr<SeenSessions> seen)
        : database_(database), feed_(database, std::string(feed_name)), seen_(std::move(seen)) {}

    // credential_store.cpp
    Result<std::optional<StoredPassword>> password(std::string_view user) override;
    Result<void> set_password(std::string_view user, std::string_view hash, std::int64_t version,
                              UnixMicros now) override;
    Result<std::int64_t> rehash_password(std::string_view user, std::string_view hash, std::int64_t version) override;

    Result<std::optional<StoredTotp>> totp(std::string_view user) override;
    Result<void> enrol_totp(std::string_view user, std::string_view sealed, UnixMicros now) override;
    Result<void> confirm_totp(std::string_view user, std::int64_t version, std::int64_t step,
                              const std::vector<SecretHash>& recovery, UnixMicros now) override;
    Result<bool> take_totp_step(std::string_view user, std::int64_t version, std::int64_t step) override;
    Result<bool> take_recovery_code(std::string_view user, const SecretHash& code, UnixMicros now) override;
    Result<void> drop_totp(std::string_view user, std::int64_t version) override;
    Result<void> reset_totp(std::string_view user, std::int64_t version, UnixMicros now) override;

    Result<std::vector<StoredSigningKey>> signing_keys() override;
    Result<void> add_signing_key(const StoredSigningKey& key, std::string_view current) override;

    Result<std::optional<OutsideLink>> outside_user(std::string_view provider, std::string_view subject) override;
    Result<void> link_outside(std::string_view provider, std::string_view subject, const OutsideLink& link,
                              UnixMicros now) override;

    Result<void> forget(std::string_view user) override;
    Result<void> prune(UnixMicros now, UnixMicros keys_before) override;
    ChangeFeed& changes() override { return feed_; }

    // credential_store_sessions.cpp
    Result<void> add_session(const SignInSession& session, const std::optional<SecretHash>& cookie,
                             const std::optional<SecretHash>& refresh) override;
    Result<std::optional<SignInSession>> session(std::string_view id) override;
    Result<std::optional<SignInSession>> session_of_cookie(const SecretHash& cookie) override;
    Result<std::vector<SignInSession>> sessions(std::string_view user, UnixMicros now) override;
    Result<void> end_session(std::string_view id, std::string_view why, UnixMicros now) override;
    Result<void> end_sessions(std::string_view user, std::string_view why, UnixMicros now) override;
    Result<Rotated> rotate(const SecretHash& old, const SecretHash& next, UnixMicros now) override;
    Result<void> refresh() override;

    Result<void> add_ticket(const SecretHash& hash, const Ticket& ticket, UnixMicros now) override;
    Result<std::optional<Ticket>> take_ticket(const SecretHash& hash, std::string_view purpose,
                                              UnixMicros now) override;
    Result<std::optional<Ticket>> ticket(const SecretHash& hash, std::string_view purpose, UnixMicros now) override;
    Result<void> drop_tickets(std::string_view subject, std::string_view purpose) override;

private:
    static constexpr std::string_view feed_name = "credentials";

    static sql::Value value_of(const SecretHash& hash) { return sql::Bytes(hash.data(), hash.size()); }
    static sql::Value value_of(const std::optional<SecretHash>& hash) {
        return hash ? value_of(*hash) : sql::Value(std::nullopt);
    }
    static void changed(sql::Transaction& t, std::string_view user) {
        t.changed(feed_name, "user/" + std::string(user));
    }
    /// One statement that needs no other; how many rows it changed.
    Result<std::int64_t> run(std::string_view doing, std::string_view statement, const sql::Values& values);
    /// The same about a user: their credentials changed where a row did.
    Result<std::int64_t> run_for(std::string_view user, std::string_view doing, std::string_view statement,
                                 const sql::Values& values);

    Result<std::optional<SignInSession>> read_session(std::string_view where, const sql::Value& key);
    /// Once that is committed.
    void note_end_of(std::string_view user, UnixMicros now) {
        if (seen_) seen_->ended_of(user, now);
    }

    sql::Database& database_;
    sql::SqlFeed feed_;
    const std::unique_ptr<SeenSessions> seen_;
    std::mutex refresh_mutex_;   // guards the next
    std::int64_t followed_ = 0;  // of the changes, so far in `refresh`
};

}  // namespace lurus::signin
