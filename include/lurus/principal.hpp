#pragma once
// Who asks, and what they may do. The one place that knows it: everything that is not allowed here is refused.

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "lurus/clock.hpp"
#include "lurus/result.hpp"

namespace lurus {

/// In an organisation; each may do what those before it may.
enum class Role : std::uint8_t { viewer, member, admin, owner };

constexpr std::string_view name_of(Role role) {
    switch (role) {
        case Role::viewer: return "viewer";
        case Role::member: return "member";
        case Role::admin: return "admin";
        case Role::owner: return "owner";
    }
    return "viewer";
}

constexpr std::optional<Role> role_from(std::string_view name) {
    for (Role role : {Role::viewer, Role::member, Role::admin, Role::owner}) {
        if (name_of(role) == name) return role;
    }
    return std::nullopt;
}

/// What a route of the management API asks for.
enum class Permission : std::uint8_t {
    anyone,               // no sign-in; nothing of anybody is shown
    signed_in,            // whoever is signed in, about themselves
    read_models,          // viewer: models and prices
    read_records,         // viewer: own requests and usage; admin: the organisation's
    read_keys,            // viewer: own keys; admin: the organisation's
    change_keys,          // member: own keys; admin: the organisation's
    read_people,          // admin: members, teams, service accounts, invitations
    change_people,        // admin; only an owner makes or changes an owner
    read_limits,          // admin
    change_limits,        // admin
    read_audit,           // admin
    read_organisation,    // viewer: the organisation itself
    change_organisation,  // owner
    read_installation,    // admin of the default organisation: providers, routes, configuration, status
    operate,              // owner of the default organisation: what all organisations share
};
inline constexpr int permission_count = 15;

constexpr bool is_reading(Permission permission) {
    switch (permission) {
        case Permission::read_models:
        case Permission::read_records:
        case Permission::read_keys:
        case Permission::read_people:
        case Permission::read_limits:
        case Permission::read_audit:
        case Permission::read_organisation:
        case Permission::read_installation: return true;
        case Permission::anyone:
        case Permission::signed_in:
        case Permission::change_keys:
        case Permission::change_people:
        case Permission::change_limits:
        case Permission::change_organisation:
        case Permission::operate: return false;
    }
    return false;
}

/// `read_keys` and so on: the names of a token's scope.
std::string_view name_of(Permission permission);
std::optional<Permission> permission_from(std::string_view name);

/// The organisation that is there from the start. A laptop's user never hears of it.
inline constexpr std::string_view default_org = "00000000000000000000000000000001";

/// What records carry as their user: ids of members, of organisations for keys that nobody owns, and empty.
using UserSet = std::set<std::string, std::less<>>;

struct Principal {
    enum class Kind : std::uint8_t {
        anonymous,
        admin_token,  // the file admin.token: may do everything, everywhere
        user,
        service,
    };

    Kind kind = Kind::anonymous;
    std::string user;    // id of the user; empty for a service account, the admin token and nobody
    std::string member;  // id of the user or service account within `org`: what its keys and records carry
    std::string org;     // acted in; empty for the admin token when it means the whole installation
    Role role = Role::viewer;
    std::string name;                       // e-mail address, or the service account's name: for people
    bool by_cookie = false;                 // a browser's: changes need the same origin
    std::uint32_t scope = UINT32_MAX;       // bit per Permission; a token may narrow what its role allows
    std::optional<std::string> credential;  // id of the session or token, for those who end it
    std::optional<UnixMicros> until;        // when that session or token ends

    [[nodiscard]] bool may(Permission permission) const;
    /// Sees what belongs to others in `org`, not only what is its own.
    [[nodiscard]] bool sees_organisation() const { return kind == Kind::admin_token || role >= Role::admin; }
    /// Nobody gives a role above their own. A token that was narrowed makes admins and owners only where it may itself
    /// do all that these may: else it would do through them what it may not.
    [[nodiscard]] bool may_give(Role given) const;
    /// `permission_denied` where it may not.
    [[nodiscard]] Result<void> check_gives(Role given) const;
    /// Where what it makes belongs to.
    [[nodiscard]] std::string_view home() const { return org.empty() ? default_org : std::string_view(org); }
};

constexpr std::uint32_t bit_of(Permission permission) {
    return 1u << static_cast<unsigned>(permission);
}

/// Nobody changes whom is above them: `permission_denied` where `whose` is above `rank`.
Result<void> check_rank(Role rank, Role whose);

/// `user`, `service`, `admin_token`, `anonymous`.
std::string_view name_of(Principal::Kind kind);

}  // namespace lurus
