#pragma once
// Port: credentials, sessions, tickets, signing keys. Secrets come here hashed or sealed.

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lurus/clock.hpp"
#include "lurus/result.hpp"
#include "lurus/store/change_feed.hpp"

namespace lurus {

namespace sql {
class Database;
}

/// SHA-256 of a secret that is random enough to need no salt.
using SecretHash = std::array<std::uint8_t, 32>;

struct StoredPassword {
    std::string hash;
    std::int64_t version = 0;  // of the row
};

struct StoredTotp {
    std::string sealed;
    bool confirmed = false;
    int recovery_codes = 0;    // unused ones
    std::int64_t version = 0;  // of the row; what is taken once (a step, a code) changes no version
};

/// Whom somebody at an outside provider is here.
struct OutsideLink {
    std::string user;
    std::int64_t version = 0;  // of the row
};

struct SignInSession {
    std::string id;      // hex, 32 digits
    std::string user;    // a user's id
    std::string method;  // `password`, `oidc:NAME`, `ldap`, ...
    UnixMicros created = 0;
    UnixMicros expires = 0;
    std::optional<UnixMicros> ended;
    std::string address, user_agent;
    bool browser = false;  // held by a cookie

    [[nodiscard]] bool live_at(UnixMicros now) const { return !ended && now < expires; }
};

/// What came of a refresh token. `reused`: it was taken before, and its session has just been ended for it.
enum class Rotation : std::uint8_t { rotated, unknown, ended, reused };
struct Rotated {
    Rotation outcome = Rotation::unknown;
    SignInSession session;
};

struct Ticket {
    std::string purpose;  // `verify`, `reset`, `invite`, ...
    std::string subject;  // a user's id or an address
    std::string detail;   // JSON
    UnixMicros expires = 0;
};

struct StoredSigningKey {
    std::string kid, sealed;
    UnixMicros created = 0;
    std::optional<UnixMicros> retired;
};

/// Any thread; may block. `unavailable` when the database is away. An update names the version that was read, 0 where
/// there must be no row yet; `conflict` when it is another one by now. What can be taken or ended once (a step, a code,
/// a token, a ticket, a session) has no version: it is given to one of those who ask at once, in whatever process.
class CredentialStore {
public:
    virtual ~CredentialStore() = default;

    virtual Result<std::optional<StoredPassword>> password(std::string_view user) = 0;
    /// A new password: every session of the user ends with it, and every reset link.
    virtual Result<void> set_password(std::string_view user, std::string_view hash, std::int64_t version,
                                      UnixMicros now) = 0;
    /// The same password under a better hash. The row's new version.
    virtual Result<std::int64_t> rehash_password(std::string_view user, std::string_view hash,
                                                 std::int64_t version) = 0;

    virtual Result<std::optional<StoredTotp>> totp(std::string_view user) = 0;
    /// Replaces an enrolment that was not confirmed, whichever; `conflict` when there is a confirmed one.
    virtual Result<void> enrol_totp(std::string_view user, std::string_view sealed, UnixMicros now) = 0;
    /// `conflict` also when it was confirmed before.
    virtual Result<void> confirm_totp(std::string_view user, std::int64_t version, std::int64_t step,
                                      const std::vector<SecretHash>& recovery, UnixMicros now) = 0;
    /// False when this step or one of the two after it was taken before (a later one was taken while the clock was
    /// ahead), or the factor is not the one of this version any more.
    virtual Result<bool> take_totp_step(std::string_view user, std::int64_t version, std::int64_t step) = 0;
    /// False when there is no such code or it was used.
    virtual Result<bool> take_recovery_code(std::string_view user, const SecretHash& code, UnixMicros now) = 0;
    virtual Result<void> drop_totp(std::string_view user, std::int64_t version) = 0;
    /// The same for somebody who has lost it: every session of the user ends with it.
    virtual Result<void> reset_totp(std::string_view user, std::int64_t version, UnixMicros now) = 0;

    virtual Result<void> add_session(const SignInSession& session, const std::optional<SecretHash>& cookie,
                                     const std::optional<SecretHash>& refresh) = 0;
    /// Where the database that knows the sessions may be away, one that was seen here holds meanwhile.
    virtual Result<std::optional<SignInSession>> session(std::string_view id) = 0;
    virtual Result<std::optional<SignInSession>> session_of_cookie(const SecretHash& cookie) = 0;
    /// Those that are live, newest first.
    virtual Result<std::vector<SignInSession>> sessions(std::string_view user, UnixMicros now) = 0;
    virtual Result<void> end_session(std::string_view id, std::string_view why, UnixMicros now) = 0;
    virtual Result<void> end_sessions(std::string_view user, std::string_view why, UnixMicros now) = 0;
    /// Takes `old` and gives `next` in one transaction.
    virtual Result<Rotated> rotate(const SecretHash& old, const SecretHash& next, UnixMicros now) = 0;

    virtual Result<void> add_ticket(const SecretHash& hash, const Ticket& ticket, UnixMicros now) = 0;
    /// The ticket, which is gone then. Empty: unknown, used, expired or of another purpose.
    virtual Result<std::optional<Ticket>> take_ticket(const SecretHash& hash, std::string_view purpose,
                                                      UnixMicros now) = 0;
    virtual Result<std::optional<Ticket>> ticket(const SecretHash& hash, std::string_view purpose, UnixMicros now) = 0;
    virtual Result<void> drop_tickets(std::string_view subject, std::string_view purpose) = 0;

    /// Newest first.
    virtual Result<std::vector<StoredSigningKey>> signing_keys() = 0;
    /// Follows the key `current`, which is retired at `key.created`; empty = there is none that is not retired.
    /// `conflict` when another one is current by now.
    virtual Result<void> add_signing_key(const StoredSigningKey& key, std::string_view current) = 0;

    virtual Result<std::optional<OutsideLink>> outside_user(std::string_view provider, std::string_view subject) = 0;
    /// `link.version` is that of the link which it replaces.
    virtual Result<void> link_outside(std::string_view provider, std::string_view subject, const OutsideLink& link,
                                      UnixMicros now) = 0;

    /// Everything of one user, for erasing them.
    virtual Result<void> forget(std::string_view user) = 0;
    /// Removes what expired, and signing keys retired before `keys_before`.
    virtual Result<void> prune(UnixMicros now, UnixMicros keys_before) = 0;

    /// Takes over which of the sessions that were seen here ended elsewhere; does nothing where none is kept.
    virtual Result<void> refresh() = 0;

    /// Ids: `user/ID` when anything of that user's changed (password, second factor, sessions, outside identities),
    /// deleted when all of it was forgotten; `signing-keys`. Tickets are in no feed: they are taken once, here. Nor is
    /// what expires: everybody has a clock.
    virtual ChangeFeed& changes() = 0;
};

/// `database` outlives it.
std::unique_ptr<CredentialStore> make_credential_store(sql::Database& database);
/// The same over a database whose original may be away.
std::unique_ptr<CredentialStore> make_credential_store_of_mirror(sql::Database& database);

}  // namespace lurus
