#include <openssl/crypto.h>

#include <algorithm>
#include <cstring>

#include "core/crypto/sha256.hpp"
#include "core/os/files.hpp"
#include "core/text/ascii.hpp"
#include "core/text/concat.hpp"
#include "modules/identity/people/directory_sqlite.hpp"

namespace lurus::identity {
namespace {

constexpr std::int64_t setup_token_life_us = 24ll * 3600 * 1'000'000;
constexpr const char* select_user = "SELECT id, email, name, status, email_verified, created_us FROM user_account ";

Error no_user() {
    return Error(ErrorCode::not_found, "there is no such user");
}

UserStatus status_from(std::string_view name) {
    for (const auto status : {UserStatus::invited, UserStatus::active, UserStatus::disabled}) {
        if (name_of(status) == name) return status;
    }
    return UserStatus::erased;
}

User user_from(SQLite::Statement& row) {
    User user;
    user.id = row.getColumn(0).getString();
    user.email = row.getColumn(1).getString();
    user.name = row.getColumn(2).getString();
    user.status = status_from(row.getColumn(3).getString());
    user.email_verified = row.getColumn(4).getInt() != 0;
    user.created = row.getColumn(5).getInt64();
    return user;
}

Result<User> user_where(SQLite::Database& db, const char* condition, std::string_view value) {
    SQLite::Statement select(db, concat({select_user, condition}));
    bind_text(select, 1, value);
    if (!select.executeStep()) return std::unexpected(no_user());
    return user_from(select);
}

bool owner_exists(SQLite::Database& db) {
    SQLite::Statement select(db,
                             "SELECT 1 FROM member JOIN user_account u ON u.id = user_id WHERE org = ? AND role = "
                             "'owner' AND removed_us IS NULL AND u.status != 'erased'");
    bind_text(select, 1, default_org);
    return select.executeStep();
}

// `conflict` when an organisation would be left without an owner.
Result<void> check_owners_left(SQLite::Database& db, std::string_view user) {
    SQLite::Statement select(
        db, concat({select_member, "WHERE m.user_id = ? AND m.removed_us IS NULL AND o.removed_us IS NULL"}));
    bind_text(select, 1, user);
    while (select.executeStep()) {
        if (auto ok = check_owner_left(db, member_from(select)); !ok) return ok;
    }
    return {};
}

// A principal may be completed for the organisation that this row is of.
Principal completed(Principal who, const Member& member) {
    who.org = member.org;
    who.member = member.id;
    who.role = member.role;
    who.name = member.name;
    return who;
}

Result<Principal> user_in(SQLite::Database& db, Principal who, std::string_view org) {
    const auto user = user_where(db, "WHERE id = ?", who.user);
    if (!user || user->status == UserStatus::disabled || user->status == UserStatus::erased) {
        return fail(ErrorCode::unauthenticated, "this user is not there any more, or disabled");
    }
    SQLite::Statement select(db, concat({select_member,
                                         "WHERE m.user_id = ?1 AND m.removed_us IS NULL AND o.removed_us IS NULL AND "
                                         "m.disabled = 0 AND (?2 = '' OR o.id = ?2 OR o.name = ?2) "
                                         "ORDER BY m.created_us, m.id LIMIT 1"}));
    bind_text(select, 1, who.user);
    bind_text(select, 2, org);
    if (select.executeStep()) return completed(std::move(who), member_from(select));
    if (!org.empty()) return fail(ErrorCode::not_found, "there is no such organisation");
    who.name = user->email;  // signed in, and nowhere a member: may see itself only
    who.org.clear();
    who.role = Role::viewer;
    return who;
}

Result<Principal> service_in(SQLite::Database& db, Principal who, std::string_view org) {
    SQLite::Statement select(db, concat({select_member,
                                         "WHERE m.id = ?1 AND m.user_id IS NULL AND m.removed_us IS NULL AND "
                                         "o.removed_us IS NULL AND m.disabled = 0"}));
    bind_text(select, 1, who.member);
    if (!select.executeStep()) {
        return fail(ErrorCode::unauthenticated, "this service account is not there any more, or disabled");
    }
    const Member member = member_from(select);
    if (!org.empty() && org != member.org && org != member.org_name)
        return fail(ErrorCode::not_found, "there is no such organisation");
    return completed(std::move(who), member);
}

}  // namespace

Result<std::string> checked_email(std::string_view text) {
    std::string email = lower_case(text);
    const auto at = email.find('@');
    const bool sound =
        email.size() <= 254 && at != std::string::npos && at > 0 && at + 1 < email.size() &&
        email.find('@', at + 1) == std::string::npos &&
        std::ranges::none_of(email, [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; });
    if (!sound) return fail(ErrorCode::invalid_argument, "`email` must be an address such as ann@example.com");
    return email;
}

void bind_text(SQLite::Statement& statement, int at, std::string_view text) {
    statement.bind(at, std::string(text));
}

Result<User> SqliteDirectory::find(std::string_view id) {
    return with("reading a user", [&](auto& db) { return user_where(db, "WHERE id = ?", id); });
}

Result<User> SqliteDirectory::find_by_email(std::string_view email) {
    const auto wanted = checked_email(email);
    if (!wanted) return std::unexpected(no_user());
    return with("reading a user",
                [&](auto& db) { return user_where(db, "WHERE email = ? AND status != 'erased'", *wanted); });
}

Result<std::vector<User>> SqliteDirectory::list() {
    return with("reading users", [&](auto& db) -> Result<std::vector<User>> {
        std::vector<User> users;
        SQLite::Statement select(db, concat({select_user, "ORDER BY email, id"}));
        while (select.executeStep()) users.push_back(user_from(select));
        return users;
    });
}

Result<User> SqliteDirectory::insert_user(SQLite::Database& db, const NewUser& wanted, const std::string& email) {
    if (user_where(db, "WHERE email = ? AND status != 'erased'", email))
        return fail(ErrorCode::conflict, "there is a user with this address already");
    User user;
    user.id = new_id();
    user.email = email;
    user.name = wanted.name;
    user.status = wanted.status;
    user.email_verified = wanted.email_verified;
    user.created = clock_.now();
    SQLite::Statement insert(db, "INSERT INTO user_account VALUES (?, ?, ?, ?, ?, ?)");
    insert.bind(1, user.id);
    insert.bind(2, user.email);
    insert.bind(3, user.name);
    bind_text(insert, 4, name_of(user.status));
    insert.bind(5, user.email_verified ? 1 : 0);
    insert.bind(6, user.created);
    insert.exec();
    return user;
}

Result<User> SqliteDirectory::create(const NewUser& wanted) {
    const auto email = checked_email(wanted.email);
    if (!email) return std::unexpected(email.error());
    if (!wanted.name.empty()) {
        if (auto ok = check_title(wanted.name, "name"); !ok) return std::unexpected(ok.error());
    }
    return with("storing a user", [&](auto& db) -> Result<User> {
        SQLite::Transaction transaction(db, SQLite::TransactionBehavior::IMMEDIATE);
        auto user = insert_user(db, wanted, *email);
        if (!user) return user;
        if (auto joined = join(db, wanted.org, user->id, wanted.role); !joined) return std::unexpected(joined.error());
        transaction.commit();
        return user;
    });
}

Result<void> SqliteDirectory::set_status(std::string_view id, UserStatus status) {
    if (status == UserStatus::erased) return erase(id);
    return told(with("changing a user", [&](auto& db) -> Result<void> {
        SQLite::Transaction transaction(db, SQLite::TransactionBehavior::IMMEDIATE);
        if (status == UserStatus::disabled) {
            if (auto ok = check_owners_left(db, id); !ok) return ok;
        }
        SQLite::Statement update(db, "UPDATE user_account SET status = ? WHERE id = ? AND status != 'erased'");
        bind_text(update, 1, name_of(status));
        bind_text(update, 2, id);
        if (update.exec() == 0) return std::unexpected(no_user());
        transaction.commit();
        return {};
    }));
}

Result<void> SqliteDirectory::set_email_verified(std::string_view id) {
    return with("changing a user", [&](auto& db) -> Result<void> {
        SQLite::Statement update(db, "UPDATE user_account SET email_verified = 1 WHERE id = ? AND status != 'erased'");
        bind_text(update, 1, id);
        if (update.exec() == 0) return std::unexpected(no_user());
        return {};
    });
}

Result<void> SqliteDirectory::erase(std::string_view id) {
    UserSet members;
    auto done = with("erasing a user", [&](auto& db) -> Result<void> {
        SQLite::Transaction transaction(db, SQLite::TransactionBehavior::IMMEDIATE);
        SQLite::Statement select(db, "SELECT id FROM member WHERE user_id = ?");
        bind_text(select, 1, id);
        while (select.executeStep()) members.insert(select.getColumn(0).getString());
        select.reset();
        if (auto ok = check_owners_left(db, id); !ok) return ok;
        SQLite::Statement update(db,
                                 "UPDATE user_account SET email = '', name = '', status = 'erased', email_verified = 0 "
                                 "WHERE id = ? AND status != 'erased'");
        bind_text(update, 1, id);
        if (update.exec() == 0) return std::unexpected(no_user());
        SQLite::Statement leave(db, "UPDATE member SET removed_us = ?, role = 'viewer' WHERE user_id = ?");
        leave.bind(1, clock_.now());
        bind_text(leave, 2, id);
        leave.exec();
        transaction.commit();
        return {};
    });
    if (!done) return done;
    if (left_) left_(members, true);
    std::vector<std::function<void(std::string_view)>> callbacks;
    {
        const std::scoped_lock lock(mutex_);
        callbacks = erased_;
    }
    for (const auto& callback : callbacks) callback(id);
    return told(std::move(done));
}

void SqliteDirectory::on_erase(std::function<void(std::string_view user)> callback) {
    const std::scoped_lock lock(mutex_);
    erased_.push_back(std::move(callback));
}

Result<Principal> SqliteDirectory::in_organisation(Principal who, std::string_view wanted) {
    if (who.kind == Principal::Kind::admin_token) {
        if (wanted.empty()) return who;
        auto found = org(wanted);
        if (!found) return std::unexpected(found.error());
        who.org = found->id;
        return who;
    }
    return with("reading who asks", [&](auto& db) {
        return who.kind == Principal::Kind::service ? service_in(db, std::move(who), wanted)
                                                    : user_in(db, std::move(who), wanted);
    });
}

Result<bool> SqliteDirectory::has_owner() {
    return with("looking for an owner", [&](auto& db) -> Result<bool> { return owner_exists(db); });
}

Result<Secret> SqliteDirectory::new_setup_token() {
    auto token = random_hex(32);
    if (!token) return std::unexpected(token.error());
    return with("storing a one-time link", [&](auto& db) -> Result<Secret> {
        if (owner_exists(db)) return fail(ErrorCode::conflict, "there is an owner already");
        const auto hash = sha256(*token);
        SQLite::Statement insert(db, "INSERT OR REPLACE INTO setup_token VALUES (1, ?, ?)");
        insert.bind(1, hash.data(), static_cast<int>(hash.size()));
        insert.bind(2, clock_.now());
        insert.exec();
        return Secret(*std::move(token));
    });
}

Result<User> SqliteDirectory::make_owner(const Secret& token, std::string_view email, std::string_view name) {
    NewUser wanted;
    wanted.name = name;
    wanted.status = UserStatus::active;
    wanted.email_verified = true;
    const auto address = checked_email(email);
    if (!address) return std::unexpected(address.error());
    if (!name.empty()) {
        if (auto ok = check_title(name, "name"); !ok) return std::unexpected(ok.error());
    }
    return told(with("making the owner", [&](auto& db) -> Result<User> {
        SQLite::Transaction transaction(db, SQLite::TransactionBehavior::IMMEDIATE);
        SQLite::Statement select(db, "SELECT hash, created_us FROM setup_token");
        const auto hash = sha256(token.reveal());
        const bool good = select.executeStep() &&
                          CRYPTO_memcmp(select.getColumn(0).getBlob(), hash.data(), hash.size()) == 0 &&
                          clock_.now() - select.getColumn(1).getInt64() < setup_token_life_us;
        if (!good || owner_exists(db)) {
            return fail(ErrorCode::permission_denied,
                        "this link is wrong, used or over a day old; `lurus serve` prints a new one at its next start "
                        "while there is no owner");
        }
        select.reset();
        auto user = user_where(db, "WHERE email = ? AND status != 'erased'", *address);
        if (!user) user = insert_user(db, wanted, *address);
        if (!user) return user;
        SQLite::Statement update(db, "UPDATE user_account SET status = 'active', email_verified = 1 WHERE id = ?");
        update.bind(1, user->id);
        update.exec();
        if (auto joined = join(db, default_org, user->id, Role::owner); !joined) return std::unexpected(joined.error());
        db.exec("DELETE FROM setup_token");
        auto made = user_where(db, "WHERE id = ?", user->id);
        transaction.commit();
        return made;
    }));
}

Result<std::unique_ptr<Directory>> open_directory_sqlite(const std::filesystem::path& file, const Clock& clock) {
    auto db = open_sqlite(file, "tenancy");
    if (!db) return std::unexpected(db.error());
    return std::make_unique<SqliteDirectory>(*std::move(db), clock);
}

}  // namespace lurus::identity
