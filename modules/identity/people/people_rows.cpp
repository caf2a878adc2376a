#include "modules/identity/people/people_rows.hpp"

#include <cstring>

#include "core/text/concat.hpp"
#include "modules/identity/keys/limits_json.hpp"
#include "modules/identity/keys/models_json.hpp"

namespace lurus::identity {
namespace {

constexpr std::string_view select_user =
    "SELECT id, email, name, status, email_verified, created_us, version FROM user_account ";
constexpr std::string_view select_org = "SELECT id, name, limits, created_us, version, models FROM org ";
constexpr std::string_view select_team = "SELECT id, org, name, limits, created_us, version, models FROM team ";
constexpr std::string_view select_member =
    "SELECT m.id, m.org, o.name, coalesce(m.user_id, ''), coalesce(u.email, m.name) AS shown, m.role, m.disabled, "
    "m.limits, m.created_us, m.removed_us, m.version, m.models FROM member m JOIN org o ON o.id = m.org LEFT JOIN "
    "user_account u ON u.id = m.user_id ";

UserStatus status_from(std::string_view name) {
    for (const auto status : {UserStatus::invited, UserStatus::active, UserStatus::disabled}) {
        if (name_of(status) == name) return status;
    }
    return UserStatus::erased;
}

// For showing: none where the column is damaged, which `restrictions` refuses.
Limits limits_in(std::string_view text) {
    return limits_from_stored(std::string(text)).value_or(Limits());
}
ModelRules models_in(std::string_view text) {
    return models_from_stored(text).value_or(ModelRules());
}

User user_from(const sql::Row& row) {
    User user;
    user.id = row.text(0);
    user.email = row.text(1);
    user.name = row.text(2);
    user.status = status_from(row.text(3));
    user.email_verified = row.integer(4) != 0;
    user.created = row.integer(5);
    user.version = row.integer(6);
    return user;
}

Org org_from(const sql::Row& row) {
    Org org;
    org.id = row.text(0);
    org.name = row.text(1);
    org.limits = limits_in(row.text(2));
    org.created = row.integer(3);
    org.version = row.integer(4);
    org.models = models_in(row.text(5));
    return org;
}

Team team_from(const sql::Row& row) {
    Team team;
    team.id = row.text(0);
    team.org = row.text(1);
    team.name = row.text(2);
    team.limits = limits_in(row.text(3));
    team.created = row.integer(4);
    team.version = row.integer(5);
    team.models = models_in(row.text(6));
    return team;
}

Member member_from(const sql::Row& row) {
    Member member;
    member.id = row.text(0);
    member.org = row.text(1);
    member.org_name = row.text(2);
    member.user = row.text(3);
    member.name = row.text(4);
    member.role = lurus::role_from(row.text(5)).value_or(Role::viewer);
    member.disabled = row.integer(6) != 0;
    member.limits = limits_in(row.text(7));
    member.created = row.integer(8);
    member.removed = row.integer_if_any(9);
    member.version = row.integer(10);
    member.models = models_in(row.text(11));
    return member;
}

std::string first_text(const sql::Row& row) {
    return std::string(row.text(0));
}

std::string_view of_kind(MemberKind kind) {
    return kind == MemberKind::user ? "m.user_id IS NOT NULL" : "m.user_id IS NULL";
}

}  // namespace

template <class Port>
Result<std::optional<User>> PeopleRows<Port>::user(std::string_view id) {
    return db_.first(concat({select_user, "WHERE id = $1"}), {id}, user_from);
}

template <class Port>
Result<std::optional<User>> PeopleRows<Port>::user_with_email(std::string_view email) {
    return db_.first(concat({select_user, "WHERE email = $1 AND status != 'erased'"}), {email}, user_from);
}

template <class Port>
Result<std::vector<User>> PeopleRows<Port>::users() {
    return db_.all(concat({select_user, "ORDER BY email, id"}), {}, user_from);
}

template <class Port>
Result<std::vector<Org>> PeopleRows<Port>::orgs() {
    return db_.all(concat({select_org, "WHERE removed_us IS NULL ORDER BY name"}), {}, org_from);
}

template <class Port>
Result<std::optional<Org>> PeopleRows<Port>::org(std::string_view id_or_name) {
    return db_.first(concat({select_org, "WHERE (id = $1 OR name = $1) AND removed_us IS NULL"}), {id_or_name},
                     org_from);
}

template <class Port>
Result<std::optional<Member>> PeopleRows<Port>::member(std::string_view id) {
    return db_.first(concat({select_member, "WHERE m.id = $1 AND m.removed_us IS NULL"}), {id}, member_from);
}

template <class Port>
Result<std::optional<Member>> PeopleRows<Port>::find_member(std::string_view org, MemberKind kind,
                                                            std::string_view id_or_name) {
    return db_.first(concat({select_member,
                             "WHERE m.org = $1 AND m.removed_us IS NULL AND (m.id = $2 OR m.user_id = $2 OR "
                             "coalesce(u.email, m.name) = $2) AND ",
                             of_kind(kind)}),
                     {org, id_or_name}, member_from);
}

template <class Port>
Result<std::vector<Member>> PeopleRows<Port>::members(std::string_view org, MemberKind kind, std::string_view after,
                                                      std::size_t limit) {
    return db_.all(concat({select_member, "WHERE m.org = $1 AND m.removed_us IS NULL AND ", of_kind(kind),
                           " AND coalesce(u.email, m.name) > $2 ORDER BY shown LIMIT $3"}),
                   {org, after, limit}, member_from);
}

template <class Port>
Result<std::optional<Member>> PeopleRows<Port>::membership(std::string_view org, std::string_view user) {
    return db_.first(concat({select_member, "WHERE m.org = $1 AND m.user_id = $2"}), {org, user}, member_from);
}

template <class Port>
Result<std::vector<Member>> PeopleRows<Port>::memberships(std::string_view user) {
    return db_.all(concat({select_member,
                           "WHERE m.user_id = $1 AND m.removed_us IS NULL AND o.removed_us IS NULL ORDER BY "
                           "m.created_us, m.id"}),
                   {user}, member_from);
}

template <class Port>
Result<std::vector<Member>> PeopleRows<Port>::every_membership(std::string_view user) {
    return db_.all(concat({select_member, "WHERE m.user_id = $1 ORDER BY m.created_us, m.id"}), {user}, member_from);
}

template <class Port>
Result<std::vector<std::string>> PeopleRows<Port>::member_ids(std::string_view org) {
    return db_.all("SELECT id FROM member WHERE org = $1", {org}, first_text);
}

template <class Port>
Result<std::map<std::string, std::string, std::less<>>> PeopleRows<Port>::names() {
    std::map<std::string, std::string, std::less<>> names;
    auto read = db_.query(
        "SELECT id, name FROM org UNION ALL SELECT id, name FROM team UNION ALL SELECT m.id, coalesce(u.email, m.name) "
        "FROM member m LEFT JOIN user_account u ON u.id = m.user_id",
        {}, [&](const sql::Row& row) -> Result<bool> {
            names.emplace(row.text(0), row.text(1));
            return true;
        });
    if (!read) return std::unexpected(read.error());
    return names;
}

template <class Port>
Result<std::vector<Owner>> PeopleRows<Port>::owners(std::string_view org) {
    return db_.all(
        "SELECT m.id, m.disabled, u.status FROM member m JOIN user_account u ON u.id = m.user_id WHERE m.org = $1 AND "
        "m.role = 'owner' AND m.removed_us IS NULL",
        {org}, [](const sql::Row& row) {
            Owner owner;
            owner.member = row.text(0);
            owner.disabled = row.integer(1) != 0;
            owner.status = status_from(row.text(2));
            return owner;
        });
}

template <class Port>
Result<std::vector<Team>> PeopleRows<Port>::teams_where(std::string_view condition, const sql::Values& values) {
    auto teams = db_.all(concat({select_team, condition}), values, team_from);
    if (!teams) return teams;
    for (auto& team : *teams) {
        auto members = db_.all("SELECT member FROM team_member WHERE team = $1 ORDER BY member", {team.id}, first_text);
        if (!members) return std::unexpected(members.error());
        team.members = *std::move(members);
    }
    return teams;
}

template <class Port>
Result<std::vector<Team>> PeopleRows<Port>::teams(std::string_view org) {
    return teams_where("WHERE org = $1 AND removed_us IS NULL ORDER BY name", {org});
}

template <class Port>
Result<std::optional<Team>> PeopleRows<Port>::team(std::string_view org, std::string_view id_or_name) {
    auto found = teams_where("WHERE org = $1 AND (id = $2 OR name = $2) AND removed_us IS NULL", {org, id_or_name});
    if (!found) return std::unexpected(found.error());
    if (found->empty()) return std::nullopt;
    return std::move(found->front());
}

template <class Port>
Result<std::vector<std::string>> PeopleRows<Port>::teams_of(std::string_view member) {
    return db_.all("SELECT team FROM team_member WHERE member = $1 ORDER BY team", {member}, first_text);
}

template <class Port>
Result<OwnerRestrictions> PeopleRows<Port>::restrictions() {
    OwnerRestrictions all;
    auto read = db_.query(
        "SELECT m.id FROM member m LEFT JOIN user_account u ON u.id = m.user_id WHERE m.disabled = 1 OR m.removed_us "
        "IS NOT NULL OR u.status IN ('disabled', 'erased') UNION ALL SELECT id FROM org WHERE removed_us IS NOT NULL",
        {}, [&](const sql::Row& row) -> Result<bool> {
            all.blocked.insert(first_text(row));
            return true;
        });
    if (!read) return std::unexpected(read.error());
    read = db_.query(
        "SELECT id, limits FROM member WHERE limits != '{}' UNION ALL SELECT id, limits FROM team WHERE limits != '{}' "
        "UNION ALL SELECT id, limits FROM org WHERE limits != '{}'",
        {}, [&](const sql::Row& row) -> Result<bool> {
            const auto limits = limits_from_stored(std::string(row.text(1)));
            if (!limits)
                return fail(ErrorCode::corrupt, "limits of " + first_text(row) + ": " + limits.error().message);
            all.limits.emplace(first_text(row), *limits);
            return true;
        });
    if (!read) return std::unexpected(read.error());
    read = db_.query(
        "SELECT id, models FROM member WHERE models != '{}' UNION ALL SELECT id, models FROM team WHERE models != '{}' "
        "UNION ALL SELECT id, models FROM org WHERE models != '{}'",
        {}, [&](const sql::Row& row) -> Result<bool> {
            auto models = models_from_stored(row.text(1));
            if (!models)
                return fail(ErrorCode::corrupt, "models of " + first_text(row) + ": " + models.error().message);
            all.models.emplace(first_text(row), *std::move(models));
            return true;
        });
    if (!read) return std::unexpected(read.error());
    return all;
}

template <class Port>
Result<std::optional<SetupToken>> PeopleRows<Port>::setup_token() {
    return db_.first("SELECT hash, created_us FROM setup_token", {}, [](const sql::Row& row) -> Result<SetupToken> {
        SetupToken token;
        if (row.bytes(0).size() != token.hash.size())
            return fail(ErrorCode::corrupt, "the one-time link's row does not hold what this program writes");
        std::memcpy(token.hash.data(), row.bytes(0).data(), token.hash.size());
        token.created = row.integer(1);
        return token;
    });
}

template class PeopleRows<PeopleReader>;
template class PeopleRows<PeopleWriter>;

}  // namespace lurus::identity
