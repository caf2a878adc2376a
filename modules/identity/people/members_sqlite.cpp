#include "core/text/concat.hpp"
#include "modules/identity/people/directory_sqlite.hpp"

namespace lurus::identity {

const char* const select_member =
    "SELECT m.id, m.org, o.name, coalesce(m.user_id, ''), coalesce(u.email, m.name) AS shown, m.role, m.disabled, "
    "m.created_us, m.limits FROM member m JOIN org o ON o.id = m.org LEFT JOIN user_account u ON u.id = m.user_id ";

namespace {

Error no_member(MemberKind kind) {
    return Error(ErrorCode::not_found,
                 kind == MemberKind::user ? "there is no such member" : "there is no such service account");
}

const char* of_kind(MemberKind kind) {
    return kind == MemberKind::user ? "m.user_id IS NOT NULL" : "m.user_id IS NULL";
}

MemberKind kind_of(const Member& member) {
    return member.user.empty() ? MemberKind::service : MemberKind::user;
}

Result<Member> find_member(SQLite::Database& db, std::string_view org, MemberKind kind, std::string_view id_or_name) {
    SQLite::Statement select(db, concat({select_member,
                                         "WHERE m.org = ?1 AND m.removed_us IS NULL AND (m.id = ?2 OR "
                                         "coalesce(u.email, m.name) = ?2) AND ",
                                         of_kind(kind)}));
    bind_text(select, 1, org);
    bind_text(select, 2, id_or_name);
    if (!select.executeStep()) return std::unexpected(no_member(kind));
    return member_from(select);
}

}  // namespace

Member member_from(SQLite::Statement& row) {
    Member member;
    member.id = row.getColumn(0).getString();
    member.org = row.getColumn(1).getString();
    member.org_name = row.getColumn(2).getString();
    member.user = row.getColumn(3).getString();
    member.name = row.getColumn(4).getString();
    member.role = lurus::role_from(row.getColumn(5).getString()).value_or(Role::viewer);
    member.disabled = row.getColumn(6).getInt() != 0;
    member.created = row.getColumn(7).getInt64();
    member.limits = limits_in(row.getColumn(8));
    return member;
}

Result<Member> member_by_id(SQLite::Database& db, std::string_view id) {
    SQLite::Statement select(db, concat({select_member, "WHERE m.id = ? AND m.removed_us IS NULL"}));
    bind_text(select, 1, id);
    if (!select.executeStep()) return std::unexpected(no_member(MemberKind::user));
    return member_from(select);
}

Result<void> check_owner_left(SQLite::Database& db, const Member& member) {
    if (member.role != Role::owner || member.user.empty()) return {};
    SQLite::Statement select(db,
                             "SELECT 1 FROM member m JOIN user_account u ON u.id = m.user_id WHERE m.org = ? AND m.id "
                             "!= ? AND m.role = 'owner' AND m.removed_us IS NULL AND m.disabled = 0 AND u.status IN "
                             "('active', 'invited')");
    bind_text(select, 1, member.org);
    bind_text(select, 2, member.id);
    if (select.executeStep()) return {};
    return fail(ErrorCode::conflict, "this is the organisation's last owner; make another one first");
}

Result<Member> SqliteDirectory::join(SQLite::Database& db, std::string_view org, std::string_view user, Role role) {
    SQLite::Statement insert(
        db,
        "INSERT INTO member (id, org, user_id, name, role, created_us) VALUES (?1, ?2, ?3, '', ?4, ?5) "
        "ON CONFLICT (org, user_id) WHERE user_id IS NOT NULL DO UPDATE SET role = ?4, disabled = CASE WHEN removed_us "
        "IS NULL THEN disabled ELSE 0 END, removed_us = NULL RETURNING id");
    bind_text(insert, 1, new_id());
    bind_text(insert, 2, org);
    bind_text(insert, 3, user);
    bind_text(insert, 4, name_of(role));
    insert.bind(5, clock_.now());
    if (!insert.executeStep()) return fail(ErrorCode::internal, "a membership was not stored");
    const std::string id = insert.getColumn(0).getString();
    insert.reset();
    return member_by_id(db, id);
}

Result<std::vector<Member>> SqliteDirectory::memberships(std::string_view user) {
    return with("reading memberships", [&](auto& db) -> Result<std::vector<Member>> {
        std::vector<Member> all;
        SQLite::Statement select(db,
                                 concat({select_member,
                                         "WHERE m.user_id = ? AND m.removed_us IS NULL AND o.removed_us IS NULL ORDER "
                                         "BY m.created_us, m.id"}));
        bind_text(select, 1, user);
        while (select.executeStep()) all.push_back(member_from(select));
        return all;
    });
}

Result<Member> SqliteDirectory::set_role(std::string_view org, std::string_view user, Role role) {
    return told(with("changing a member", [&](auto& db) -> Result<Member> {
        SQLite::Transaction transaction(db, SQLite::TransactionBehavior::IMMEDIATE);
        SQLite::Statement select(db,
                                 concat({select_member, "WHERE m.org = ? AND m.user_id = ? AND m.removed_us IS NULL"}));
        bind_text(select, 1, org);
        bind_text(select, 2, user);
        if (select.executeStep() && role != Role::owner) {
            if (auto ok = check_owner_left(db, member_from(select)); !ok) return std::unexpected(ok.error());
        }
        select.reset();
        auto joined = join(db, org, user, role);
        if (joined) transaction.commit();
        return joined;
    }));
}

Result<Member> SqliteDirectory::member(std::string_view id) {
    return with("reading a member", [&](auto& db) { return member_by_id(db, id); });
}

Result<std::vector<Member>> SqliteDirectory::members(std::string_view org, MemberKind kind, std::string_view after,
                                                     std::size_t limit) {
    return with("reading members", [&](auto& db) -> Result<std::vector<Member>> {
        std::vector<Member> all;
        SQLite::Statement select(db,
                                 concat({select_member, "WHERE m.org = ?1 AND m.removed_us IS NULL AND ", of_kind(kind),
                                         " AND coalesce(u.email, m.name) > ?2 ORDER BY shown LIMIT ?3"}));
        bind_text(select, 1, org);
        bind_text(select, 2, after);
        select.bind(3, static_cast<std::int64_t>(limit));
        while (select.executeStep()) all.push_back(member_from(select));
        return all;
    });
}

Result<Member> SqliteDirectory::member_of(std::string_view org, MemberKind kind, std::string_view id_or_name) {
    return with("reading a member", [&](auto& db) { return find_member(db, org, kind, id_or_name); });
}

Result<Member> SqliteDirectory::add_member(std::string_view org, std::string_view address, Role role) {
    const auto email = checked_email(address);
    if (!email) return std::unexpected(email.error());
    return told(with("storing a member", [&](auto& db) -> Result<Member> {
        SQLite::Transaction transaction(db, SQLite::TransactionBehavior::IMMEDIATE);
        if (find_member(db, org, MemberKind::user, *email))
            return fail(ErrorCode::conflict, "`" + *email + "` is a member already");
        std::string user;
        {
            SQLite::Statement select(db, "SELECT id FROM user_account WHERE email = ? AND status != 'erased'");
            select.bind(1, *email);
            if (select.executeStep()) user = select.getColumn(0).getString();
        }
        if (user.empty()) {
            auto made = insert_user(db, NewUser(), *email);
            if (!made) return std::unexpected(made.error());
            user = made->id;
        }
        auto joined = join(db, org, user, role);
        if (joined) transaction.commit();
        return joined;
    }));
}

Result<Member> SqliteDirectory::add_service(std::string_view org, std::string_view name, Role role) {
    if (auto ok = check_title(name, "name"); !ok) return std::unexpected(ok.error());
    return with("storing a service account", [&](auto& db) -> Result<Member> {
        SQLite::Transaction transaction(db, SQLite::TransactionBehavior::IMMEDIATE);
        if (find_member(db, org, MemberKind::service, name))
            return fail(ErrorCode::conflict, "a service account named `" + std::string(name) + "` exists already");
        const std::string id = new_id();
        SQLite::Statement insert(db, "INSERT INTO member (id, org, name, role, created_us) VALUES (?, ?, ?, ?, ?)");
        insert.bind(1, id);
        bind_text(insert, 2, org);
        bind_text(insert, 3, name);
        bind_text(insert, 4, name_of(role));
        insert.bind(5, clock_.now());
        insert.exec();
        auto made = member_by_id(db, id);
        transaction.commit();
        return made;
    });
}

Result<Member> SqliteDirectory::change_member(const Member& member, std::optional<Role> role,
                                              std::optional<bool> disabled, const LimitsChange& limits) {
    return told(with("changing a member", [&](auto& db) -> Result<Member> {
        SQLite::Transaction transaction(db, SQLite::TransactionBehavior::IMMEDIATE);
        const bool loses = (role && *role != Role::owner) || (disabled && *disabled);
        if (loses) {
            if (auto ok = check_owner_left(db, member); !ok) return std::unexpected(ok.error());
        }
        const auto now = member_by_id(db, member.id);
        if (!now) return std::unexpected(no_member(kind_of(member)));
        Limits wanted = now->limits;
        limits.apply(wanted);
        SQLite::Statement update(
            db, "UPDATE member SET role = ?, disabled = ?, limits = ? WHERE id = ? AND removed_us IS NULL");
        bind_text(update, 1, name_of(role.value_or(now->role)));
        update.bind(2, disabled.value_or(now->disabled) ? 1 : 0);
        update.bind(3, stored_limits(wanted));
        update.bind(4, member.id);
        if (update.exec() == 0) return std::unexpected(no_member(kind_of(member)));
        auto changed = member_by_id(db, member.id);
        transaction.commit();
        return changed;
    }));
}

Result<void> SqliteDirectory::remove_member(const Member& member) {
    auto done = with("removing a member", [&](auto& db) -> Result<void> {
        SQLite::Transaction transaction(db, SQLite::TransactionBehavior::IMMEDIATE);
        if (auto ok = check_owner_left(db, member); !ok) return ok;
        SQLite::Statement update(db, "UPDATE member SET removed_us = ? WHERE id = ? AND removed_us IS NULL");
        update.bind(1, clock_.now());
        update.bind(2, member.id);
        if (update.exec() == 0) return std::unexpected(no_member(kind_of(member)));
        SQLite::Statement leave(db, "DELETE FROM team_member WHERE member = ?");
        leave.bind(1, member.id);
        leave.exec();
        transaction.commit();
        return {};
    });
    if (done && left_) left_({member.id}, false);
    return told(std::move(done));
}

Result<std::vector<std::string>> SqliteDirectory::member_ids(std::string_view org) {
    return with("reading members", [&](auto& db) -> Result<std::vector<std::string>> {
        std::vector<std::string> ids;
        SQLite::Statement select(db, "SELECT id FROM member WHERE org = ?");
        bind_text(select, 1, org);
        while (select.executeStep()) ids.push_back(select.getColumn(0).getString());
        return ids;
    });
}

}  // namespace lurus::identity
