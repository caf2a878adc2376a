#pragma once

#include <memory>
#include <mutex>
#include <utility>

#include "core/db/sqlite.hpp"
#include "modules/signin/store.hpp"

namespace lurus::signin {

class SqliteStore final : public Store {
public:
    explicit SqliteStore(std::unique_ptr<SQLite::Database> db) : db_(std::move(db)) {}

    Result<std::optional<std::string>> password(std::string_view user) override;
    Result<void> set_password(std::string_view user, std::string_view hash, UnixMicros now) override;
    Result<void> rehash_password(std::string_view user, std::string_view old, std::string_view hash) override;

    Result<std::optional<StoredTotp>> totp(std::string_view user) override;
    Result<void> enrol_totp(std::string_view user, std::string_view sealed) override;
    Result<void> confirm_totp(std::string_view user, std::int64_t step, const std::vector<Hash>& recovery,
                              UnixMicros now) override;
    Result<bool> take_totp_step(std::string_view user, std::int64_t step) override;
    Result<bool> take_recovery_code(std::string_view user, const Hash& code, UnixMicros now) override;
    Result<void> drop_totp(std::string_view user) override;

    Result<void> add_session(const Session& session, const std::optional<Hash>& cookie,
                             const std::optional<Hash>& refresh) override;
    Result<std::optional<Session>> session(std::string_view id) override;
    Result<std::optional<Session>> session_of_cookie(const Hash& cookie) override;
    Result<std::vector<Session>> sessions(std::string_view user, UnixMicros now) override;
    Result<void> end_session(std::string_view id, std::string_view why, UnixMicros now) override;
    Result<void> end_sessions(std::string_view user, std::string_view why, UnixMicros now) override;
    Result<Rotated> rotate(const Hash& old, const Hash& next, UnixMicros now) override;

    Result<void> add_ticket(const Hash& hash, const Ticket& ticket, UnixMicros now) override;
    Result<std::optional<Ticket>> take_ticket(const Hash& hash, std::string_view purpose, UnixMicros now) override;
    Result<std::optional<Ticket>> ticket(const Hash& hash, std::string_view purpose, UnixMicros now) override;
    Result<void> drop_tickets(std::string_view subject, std::string_view purpose) override;

    Result<std::vector<StoredSigningKey>> signing_keys() override;
    Result<void> add_signing_key(const StoredSigningKey& key) override;

    Result<std::optional<std::string>> outside_user(std::string_view provider, std::string_view subject) override;
    Result<void> link_outside(std::string_view provider, std::string_view subject, std::string_view user,
                              UnixMicros now) override;

    Result<void> forget(std::string_view user) override;
    Result<void> prune(UnixMicros now, UnixMicros keys_before) override;

private:
    /// Runs `work` under the lock; what SQLite throws becomes an Error that says `doing`.
    template <class Work>
    auto guarded(std::string_view doing, Work&& work) -> decltype(work()) {
        const std::scoped_lock lock(mutex_);
        try {
            return work();
        } catch (const SQLite::Exception& e) {
            return std::unexpected(sqlite_error(doing, e));
        }
    }
    /// Prepares, binds in order, runs; the number of changed rows.
    template <class... Values>
    int run(const char* sql, const Values&... values) {
        SQLite::Statement statement(*db_, sql);
        int at = 0;
        (bind(statement, ++at, values), ...);
        return statement.exec();
    }
    template <class... Values>
    SQLite::Statement query(const char* sql, const Values&... values) {
        SQLite::Statement statement(*db_, sql);
        int at = 0;
        (bind(statement, ++at, values), ...);
        return statement;
    }
    static void bind(SQLite::Statement& statement, int at, std::string_view text) {
        statement.bind(at, std::string(text));
    }
    static void bind(SQLite::Statement& statement, int at, std::int64_t number) { statement.bind(at, number); }
    static void bind(SQLite::Statement& statement, int at, const Hash& hash) {
        statement.bind(at, hash.data(), static_cast<int>(hash.size()));
    }
    template <class T>
    static void bind(SQLite::Statement& statement, int at, const std::optional<T>& value) {
        if (value)
            bind(statement, at, *value);
        else
            statement.bind(at);
    }
    /// Bytes that are stored as a BLOB.
    struct Blob {
        std::string_view bytes;
    };
    static void bind(SQLite::Statement& statement, int at, const Blob& blob) {
        statement.bind(at, blob.bytes.data(), static_cast<int>(blob.bytes.size()));
    }

    std::optional<Session> read_session(SQLite::Statement& row);
    std::optional<Ticket> read_ticket(const Hash& hash, std::string_view purpose, UnixMicros now);

    std::mutex mutex_;
    std::unique_ptr<SQLite::Database> db_;
};

}  // namespace lurus::signin
