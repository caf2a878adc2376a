#include "lurus/principal.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "lurus/audit.hpp"

namespace lurus {
namespace {

struct Rule {
    Permission permission;
    std::string_view name;
    Role least;
    bool shared;  // concerns what all organisations share: asks for the role in the default one
};

constexpr Rule rules[] = {
    {Permission::anyone, "anyone", Role::viewer, false},
    {Permission::signed_in, "signed_in", Role::viewer, false},
    {Permission::read_models, "read_models", Role::viewer, false},
    {Permission::read_records, "read_records", Role::viewer, false},
    {Permission::read_keys, "read_keys", Role::viewer, false},
    {Permission::change_keys, "change_keys", Role::member, false},
    {Permission::read_people, "read_people", Role::admin, false},
    {Permission::change_people, "change_people", Role::admin, false},
    {Permission::read_limits, "read_limits", Role::admin, false},
    {Permission::change_limits, "change_limits", Role::admin, false},
    {Permission::read_audit, "read_audit", Role::admin, false},
    {Permission::read_organisation, "read_organisation", Role::viewer, false},
    {Permission::change_organisation, "change_organisation", Role::owner, false},
    {Permission::read_installation, "read_installation", Role::admin, true},
    {Permission::operate, "operate", Role::owner, true},
};
static_assert(std::size(rules) == permission_count);

constexpr bool in_order() {
    for (int i = 0; i < permission_count; ++i) {
        if (static_cast<int>(rules[i].permission) != i) return false;
    }
    return true;
}
static_assert(in_order());

}  // namespace

std::string_view name_of(Permission permission) {
    return rules[static_cast<std::size_t>(permission)].name;
}

std::optional<Permission> permission_from(std::string_view name) {
    for (const auto& rule : rules) {
        if (rule.name == name) return rule.permission;
    }
    return std::nullopt;
}

bool Principal::may(Permission permission) const {
    if (permission == Permission::anyone) return true;
    switch (kind) {
        case Kind::anonymous: return false;
        case Kind::admin_token: return true;
        case Kind::user:
        case Kind::service: break;
    }
    const Rule& rule = rules[static_cast<std::size_t>(permission)];
    if ((scope & bit_of(permission)) == 0) return false;
    // Who belongs nowhere still has a password to change.
    if (org.empty()) return permission == Permission::signed_in && kind == Kind::user;
    return role >= rule.least && (!rule.shared || org == default_org);
}

bool Principal::may_give(Role given) const {
    if (given > role) return false;
    if (kind == Kind::admin_token || given < Role::admin) return true;
    return std::ranges::all_of(rules, [&](const Rule& rule) {
        const bool has_it = rule.least <= given && (!rule.shared || org == default_org);
        const bool everybodys = rule.permission == Permission::anyone || rule.permission == Permission::signed_in;
        return !has_it || everybodys || (scope & bit_of(rule.permission)) != 0;
    });
}

Result<void> Principal::check_gives(Role given) const {
    if (may_give(given)) return {};
    if (given > role) return fail(ErrorCode::permission_denied, "nobody can give a role above their own");
    return fail(ErrorCode::permission_denied, "this token's scope is narrower than what `" +
                                                  std::string(name_of(given)) +
                                                  "` may do: only who may do all of that can make one");
}

Result<void> check_rank(Role rank, Role whose) {
    if (whose <= rank) return {};
    return fail(ErrorCode::permission_denied,
                "`" + std::string(name_of(whose)) + "` is above your own role: ask somebody who has it");
}

std::string_view name_of(Principal::Kind kind) {
    switch (kind) {
        case Principal::Kind::anonymous: return "anonymous";
        case Principal::Kind::admin_token: return "admin_token";
        case Principal::Kind::user: return "user";
        case Principal::Kind::service: return "service";
    }
    return "anonymous";
}

AuditEntry audit_entry_of(const Principal& principal, std::string_view remote_address, std::string_view user_agent) {
    AuditEntry entry;
    entry.org = principal.org;
    entry.actor_kind = name_of(principal.kind);
    entry.actor = principal.user.empty() ? principal.member : principal.user;
    entry.actor_name = principal.name;
    entry.remote_address = remote_address;
    entry.user_agent = user_agent.substr(0, 512);
    return entry;
}

}  // namespace lurus
