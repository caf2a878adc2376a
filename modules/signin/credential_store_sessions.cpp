// Sessions and tickets.
#include "core/text/concat.hpp"
#include "modules/signin/credential_store.hpp"

namespace lurus::signin {
namespace {

constexpr std::string_view select_session =
    "SELECT id, user_id, method, created_us, expires_us, ended_us, address, user_agent, cookie_hash IS NOT NULL FROM "
    "session ";

SignInSession session_from(const sql::Row& row) {
    SignInSession out;
    out.id = row.text(0);
    out.user = row.text(1);
    out.method = row.text(2);
    out.created = row.integer(3);
    out.expires = row.integer(4);
    out.ended = row.integer_if_any(5);
    out.address = row.text(6);
    out.user_agent = row.text(7);
    out.browser = row.integer(8) != 0;
    return out;
}

Result<std::optional<Ticket>> read_ticket(sql::Connection& db, const sql::Value& hash, std::string_view purpose,
                                          UnixMicros now) {
    return db.first(
        "SELECT purpose, subject, detail, expires_us FROM ticket WHERE hash = $1 AND purpose = $2 AND expires_us > $3",
        {hash, purpose, now}, [](const sql::Row& row) {
            Ticket out;
            out.purpose = row.text(0);
            out.subject = row.text(1);
            out.detail = row.text(2);
            out.expires = row.integer(3);
            return out;
        });
}

}  // namespace

Result<void> SqlCredentials::add_session(const SignInSession& session, const std::optional<SecretHash>& cookie,
                                         const std::optional<SecretHash>& refresh) {
    const std::uint64_t ends = seen_ ? seen_->ends() : 0;
    auto added = database_.write("storing a session", [&](sql::Transaction& t) -> Result<void> {
        auto done = t.execute(
            "INSERT INTO session (id, user_id, method, created_us, expires_us, address, user_agent, cookie_hash) "
            "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            {session.id, session.user, session.method, session.created, session.expires, session.address,
             session.user_agent, value_of(cookie)});
        if (done && refresh)
            done = t.execute("INSERT INTO refresh_token (hash, session_id, issued_us) VALUES ($1, $2, $3)",
                             {value_of(*refresh), session.id, session.created});
        if (!done) return std::unexpected(done.error());
        changed(t, session.user);
        return {};
    });
    if (added && seen_) seen_->keep(session, cookie, ends);
    return added;
}

Result<std::optional<SignInSession>> SqlCredentials::read_session(std::string_view where, const sql::Value& key) {
    return database_.read_original("reading a session", [&](sql::Connection& db) {
        return db.first(concat({select_session, where}), {key}, session_from);
    });
}

Result<std::optional<SignInSession>> SqlCredentials::session(std::string_view id) {
    const std::uint64_t ends = seen_ ? seen_->ends() : 0;
    auto read = read_session("WHERE id = $1", id);
    if (!seen_) return read;
    if (read && *read)
        seen_->keep(**read, std::nullopt, ends);
    else if (read)
        seen_->gone(id);
    else if (auto seen = seen_->find(id); seen && read.error().code == ErrorCode::unavailable)
        return seen;
    return read;
}

Result<std::optional<SignInSession>> SqlCredentials::session_of_cookie(const SecretHash& cookie) {
    const std::uint64_t ends = seen_ ? seen_->ends() : 0;
    auto read = read_session("WHERE cookie_hash = $1", value_of(cookie));
    if (!seen_) return read;
    if (read && *read)
        seen_->keep(**read, cookie, ends);
    else if (auto seen = seen_->find(cookie); seen && read)
        seen_->gone(seen->id);
    else if (seen && read.error().code == ErrorCode::unavailable)
        return seen;
    return read;
}

// What ended elsewhere in the last moments before the database went away is not known here until it is back.
Result<void> SqlCredentials::refresh() {
    if (!seen_) return {};
    constexpr std::string_view of_user = "user/";
    constexpr std::size_t at_once = 256;
    const std::scoped_lock lock(refresh_mutex_);
    const auto head = feed_.head();
    if (!head) return std::unexpected(head.error());
    if (*head < followed_) followed_ = 0;  // an older state was restored
    while (followed_ < *head) {
        const auto changes = feed_.changes_after(followed_, at_once);
        if (!changes) return std::unexpected(changes.error());
        if (changes->empty()) break;
        for (const Change& change : *changes) {
            if (!change.id.starts_with(of_user)) continue;
            for (const auto& id : seen_->ids_of(std::string_view(change.id).substr(of_user.size()))) {
                const auto again = read_session("WHERE id = $1", id);
                // With the next change after it is back.
                if (!again && again.error().code == ErrorCode::unavailable) return {};
                if (!again) return std::unexpected(again.error());
                if (!*again)
                    seen_->gone(id);
                else if ((*again)->ended)
                    seen_->ended(id, *(*again)->ended);
            }
        }
        followed_ = changes->back().number;
    }
    return {};
}

Result<std::vector<SignInSession>> SqlCredentials::sessions(std::string_view user, UnixMicros now) {
    return database_.read_original("reading sessions", [&](sql::Connection& db) {
        return db.all(concat({select_session,
                              "WHERE user_id = $1 AND ended_us IS NULL AND expires_us > $2 ORDER BY created_us DESC, "
                              "id LIMIT 1000"}),
                      {user, now}, session_from);
    });
}

Result<void> SqlCredentials::end_session(std::string_view id, std::string_view why, UnixMicros now) {
    auto ended = database_.write("ending a session", [&](sql::Transaction& t) -> Result<void> {
        const auto user = t.first(
            "UPDATE session SET ended_us = $1, ended_why = $2 WHERE id = $3 AND ended_us IS NULL RETURNING user_id",
            {now, why, id}, [](const sql::Row& row) { return std::string(row.text(0)); });
        if (!user) return std::unexpected(user.error());
        if (*user) changed(t, **user);
        return {};
    });
    if (ended && seen_) seen_->ended(id, now);
    return ended;
}

Result<void> SqlCredentials::end_sessions(std::string_view user, std::string_view why, UnixMicros now) {
    const auto rows = run_for(
        user, "ending sessions",
        "UPDATE session SET ended_us = $1, ended_why = $2 WHERE user_id = $3 AND ended_us IS NULL", {now, why, user});
    if (!rows) return std::unexpected(rows.error());
    note_end_of(user, now);
    return {};
}

Result<Rotated> SqlCredentials::rotate(const SecretHash& old, const SecretHash& next, UnixMicros now) {
    auto taken_over = database_.write("using a refresh token", [&](sql::Transaction& t) -> Result<Rotated> {
        Rotated out;
        const auto session =
            t.first(concat({select_session, "WHERE id = (SELECT session_id FROM refresh_token WHERE hash = $1)"}),
                    {value_of(old)}, session_from);
        if (!session) return std::unexpected(session.error());
        if (!*session) return out;
        out.session = **session;
        out.outcome = Rotation::ended;
        if (!out.session.live_at(now)) return out;
        // Who takes it first gets the next one: the row says which.
        auto taken = t.execute("UPDATE refresh_token SET used_us = $1 WHERE hash = $2 AND used_us IS NULL",
                               {now, value_of(old)});
        if (!taken) return std::unexpected(taken.error());
        out.outcome = *taken == 1 ? Rotation::rotated : Rotation::reused;
        auto done =
            *taken == 1
                ? t.execute("INSERT INTO refresh_token (hash, session_id, issued_us) VALUES ($1, $2, $3)",
                            {value_of(next), out.session.id, now})
                : t.execute("UPDATE session SET ended_us = $1, ended_why = 'refresh token reused' WHERE id = $2",
                            {now, out.session.id});
        if (!done) return std::unexpected(done.error());
        changed(t, out.session.user);
        return out;
    });
    if (taken_over && seen_ && taken_over->outcome == Rotation::reused) seen_->ended(taken_over->session.id, now);
    return taken_over;
}

Result<void> SqlCredentials::add_ticket(const SecretHash& hash, const Ticket& ticket, UnixMicros now) {
    const auto rows = run(
        "storing a link",
        "INSERT INTO ticket (hash, purpose, subject, detail, created_us, expires_us) VALUES ($1, $2, $3, $4, $5, $6)",
        {value_of(hash), ticket.purpose, ticket.subject, ticket.detail, now, ticket.expires});
    if (!rows) return std::unexpected(rows.error());
    return {};
}

Result<std::optional<Ticket>> SqlCredentials::ticket(const SecretHash& hash, std::string_view purpose, UnixMicros now) {
    return database_.read_original("reading a link",
                                   [&](sql::Connection& db) { return read_ticket(db, value_of(hash), purpose, now); });
}

Result<std::optional<Ticket>> SqlCredentials::take_ticket(const SecretHash& hash, std::string_view purpose,
                                                          UnixMicros now) {
    return database_.write("using a link", [&](sql::Transaction& t) -> Result<std::optional<Ticket>> {
        auto found = read_ticket(t, value_of(hash), purpose, now);
        if (!found || !*found) return found;
        const auto taken = t.execute("DELETE FROM ticket WHERE hash = $1", {value_of(hash)});
        if (!taken) return std::unexpected(taken.error());
        if (*taken == 0) return std::nullopt;
        return found;
    });
}

Result<void> SqlCredentials::drop_tickets(std::string_view subject, std::string_view purpose) {
    const auto rows =
        run("removing links", "DELETE FROM ticket WHERE subject = $1 AND purpose = $2", {subject, purpose});
    if (!rows) return std::unexpected(rows.error());
    return {};
}

}  // namespace lurus::signin
