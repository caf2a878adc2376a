// Sessions and tickets.
#include "modules/signin/store_sqlite.hpp"

namespace lurus::signin {

#define LURUS_SESSION_COLUMNS \
    "id, user_id, method, created_us, expires_us, ended_us, address, user_agent, cookie_hash IS NOT NULL"

std::optional<Session> SqliteStore::read_session(SQLite::Statement& row) {
    if (!row.executeStep()) return std::nullopt;
    Session out;
    out.id = row.getColumn(0).getString();
    out.user = row.getColumn(1).getString();
    out.method = row.getColumn(2).getString();
    out.created = row.getColumn(3).getInt64();
    out.expires = row.getColumn(4).getInt64();
    if (!row.getColumn(5).isNull()) out.ended = row.getColumn(5).getInt64();
    out.address = row.getColumn(6).getString();
    out.user_agent = row.getColumn(7).getString();
    out.browser = row.getColumn(8).getInt() != 0;
    return out;
}

Result<void> SqliteStore::add_session(const Session& session, const std::optional<Hash>& cookie,
                                      const std::optional<Hash>& refresh) {
    return guarded("storing a session", [&]() -> Result<void> {
        SQLite::Transaction transaction(*db_, SQLite::TransactionBehavior::IMMEDIATE);
        run("INSERT INTO session (id, user_id, method, created_us, expires_us, address, user_agent, cookie_hash) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            session.id, session.user, session.method, session.created, session.expires, session.address,
            session.user_agent, cookie);
        if (refresh) {
            run("INSERT INTO refresh_token (hash, session_id, issued_us) VALUES (?, ?, ?)", *refresh, session.id,
                session.created);
        }
        transaction.commit();
        return {};
    });
}

Result<std::optional<Session>> SqliteStore::session(std::string_view id) {
    return guarded("reading a session", [&]() -> Result<std::optional<Session>> {
        auto row = query("SELECT " LURUS_SESSION_COLUMNS " FROM session WHERE id = ?", id);
        return read_session(row);
    });
}

Result<std::optional<Session>> SqliteStore::session_of_cookie(const Hash& cookie) {
    return guarded("reading a session", [&]() -> Result<std::optional<Session>> {
        auto row = query("SELECT " LURUS_SESSION_COLUMNS " FROM session WHERE cookie_hash = ?", cookie);
        return read_session(row);
    });
}

Result<std::vector<Session>> SqliteStore::sessions(std::string_view user, UnixMicros now) {
    return guarded("reading sessions", [&]() -> Result<std::vector<Session>> {
        std::vector<Session> out;
        auto row = query("SELECT " LURUS_SESSION_COLUMNS
                         " FROM session WHERE user_id = ? AND ended_us IS NULL AND expires_us > ? ORDER BY created_us "
                         "DESC, id LIMIT 1000",
                         user, now);
        while (auto session = read_session(row)) out.push_back(*std::move(session));
        return out;
    });
}

Result<void> SqliteStore::end_session(std::string_view id, std::string_view why, UnixMicros now) {
    return guarded("ending a session", [&]() -> Result<void> {
        run("UPDATE session SET ended_us = ?, ended_why = ? WHERE id = ? AND ended_us IS NULL", now, why, id);
        return {};
    });
}

Result<void> SqliteStore::end_sessions(std::string_view user, std::string_view why, UnixMicros now) {
    return guarded("ending sessions", [&]() -> Result<void> {
        run("UPDATE session SET ended_us = ?, ended_why = ? WHERE user_id = ? AND ended_us IS NULL", now, why, user);
        return {};
    });
}

Result<Rotated> SqliteStore::rotate(const Hash& old, const Hash& next, UnixMicros now) {
    return guarded("using a refresh token", [&]() -> Result<Rotated> {
        SQLite::Transaction transaction(*db_, SQLite::TransactionBehavior::IMMEDIATE);
        Rotated out;
        std::string id;
        bool used = false;
        {
            auto row = query("SELECT session_id, used_us IS NOT NULL FROM refresh_token WHERE hash = ?", old);
            if (!row.executeStep()) return out;
            id = row.getColumn(0).getString();
            used = row.getColumn(1).getInt() != 0;
        }
        {
            auto row = query("SELECT " LURUS_SESSION_COLUMNS " FROM session WHERE id = ?", id);
            auto session = read_session(row);
            if (!session) return out;
            out.session = *std::move(session);
        }
        if (!out.session.live_at(now)) {
            out.outcome = Rotation::ended;
            return out;
        }
        if (used) {
            run("UPDATE session SET ended_us = ?, ended_why = 'refresh token reused' WHERE id = ?", now, id);
            out.outcome = Rotation::reused;
        } else {
            run("UPDATE refresh_token SET used_us = ? WHERE hash = ?", now, old);
            run("INSERT INTO refresh_token (hash, session_id, issued_us) VALUES (?, ?, ?)", next, id, now);
            out.outcome = Rotation::rotated;
        }
        transaction.commit();
        return out;
    });
}

Result<void> SqliteStore::add_ticket(const Hash& hash, const Ticket& ticket, UnixMicros now) {
    return guarded("storing a link", [&]() -> Result<void> {
        run("INSERT INTO ticket (hash, purpose, subject, detail, created_us, expires_us) VALUES (?, ?, ?, ?, ?, ?)",
            hash, ticket.purpose, ticket.subject, ticket.detail, now, ticket.expires);
        return {};
    });
}

std::optional<Ticket> SqliteStore::read_ticket(const Hash& hash, std::string_view purpose, UnixMicros now) {
    auto row = query(
        "SELECT purpose, subject, detail, expires_us FROM ticket WHERE hash = ? AND purpose = ? AND expires_us > ?",
        hash, purpose, now);
    if (!row.executeStep()) return std::nullopt;
    Ticket out;
    out.purpose = row.getColumn(0).getString();
    out.subject = row.getColumn(1).getString();
    out.detail = row.getColumn(2).getString();
    out.expires = row.getColumn(3).getInt64();
    return out;
}

Result<std::optional<Ticket>> SqliteStore::ticket(const Hash& hash, std::string_view purpose, UnixMicros now) {
    return guarded("reading a link",
                   [&]() -> Result<std::optional<Ticket>> { return read_ticket(hash, purpose, now); });
}

Result<std::optional<Ticket>> SqliteStore::take_ticket(const Hash& hash, std::string_view purpose, UnixMicros now) {
    return guarded("using a link", [&]() -> Result<std::optional<Ticket>> {
        SQLite::Transaction transaction(*db_, SQLite::TransactionBehavior::IMMEDIATE);
        auto found = read_ticket(hash, purpose, now);
        if (found) run("DELETE FROM ticket WHERE hash = ?", hash);
        transaction.commit();
        return found;
    });
}

Result<void> SqliteStore::drop_tickets(std::string_view subject, std::string_view purpose) {
    return guarded("removing links", [&]() -> Result<void> {
        run("DELETE FROM ticket WHERE subject = ? AND purpose = ?", subject, purpose);
        return {};
    });
}

}  // namespace lurus::signin
