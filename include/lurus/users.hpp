#pragma once
// Port: users, organisations and who belongs to which. Credentials (passwords, sessions, tokens) are not kept here.

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lurus/clock.hpp"
#include "lurus/limits.hpp"
#include "lurus/principal.hpp"
#include "lurus/result.hpp"
#include "lurus/secret.hpp"

namespace lurus {

enum class UserStatus : std::uint8_t {
    invited,  // has never signed in
    active,
    disabled,  // may not sign in; sessions and tokens count no more
    erased,    // only the id is left
};

constexpr std::string_view name_of(UserStatus status) {
    switch (status) {
        case UserStatus::invited: return "invited";
        case UserStatus::active: return "active";
        case UserStatus::disabled: return "disabled";
        case UserStatus::erased: return "erased";
    }
    return "disabled";
}

/// A person's sign-in, once in the installation. What belongs to an organisation hangs on the membership.
struct User {
    std::string id;     // hex, 32 digits
    std::string email;  // lower case; unique
    std::string name;
    UserStatus status = UserStatus::invited;
    bool email_verified = false;
    UnixMicros created = 0;
    std::int64_t version = 1;  // of the stored row
};

/// A user or a service account within an organisation; its id is what keys and records carry as their user.
struct Member {
    std::string id;
    std::string org;
    std::string org_name;
    std::string user;  // empty: a service account
    std::string name;  // the service account's, or the user's e-mail address
    Role role = Role::member;
    bool disabled = false;
    Limits limits;      // for all its keys together
    ModelRules models;  // for each of its keys
    UnixMicros created = 0;
    std::optional<UnixMicros> removed;
    std::int64_t version = 1;  // of the stored row
};

struct NewUser {
    std::string email;
    std::string name;
    UserStatus status = UserStatus::invited;
    bool email_verified = false;
    std::string org = std::string(default_org);
    Role role = Role::member;
};

/// Any thread; may block. An e-mail address is compared without case. `unavailable` when the database is away.
class Users {
public:
    virtual ~Users() = default;

    virtual Result<User> find(std::string_view id) = 0;
    virtual Result<User> find_by_email(std::string_view email) = 0;
    virtual Result<std::vector<User>> list() = 0;
    /// `conflict` when the address is taken.
    virtual Result<User> create(const NewUser& wanted) = 0;
    virtual Result<void> set_status(std::string_view id, UserStatus status) = 0;
    virtual Result<void> set_email_verified(std::string_view id) = 0;

    /// Removes address and name, ends all memberships and tells `on_erase`; the ids stay on records.
    virtual Result<void> erase(std::string_view id) = 0;
    /// Called after a user was erased, so that what others keep of them goes too.
    virtual void on_erase(std::function<void(std::string_view user)> callback) = 0;

    /// Where this user belongs to, oldest first; removed memberships are left out.
    virtual Result<std::vector<Member>> memberships(std::string_view user) = 0;
    /// Gives the user this role in the organisation, as a member of it if they are not one yet. The word of the
    /// installation itself: no rank is asked. `conflict` when it would take the last owner's role.
    virtual Result<Member> set_role(std::string_view org, std::string_view user, Role role) = 0;
    /// As `set_role`, but who is more there already stays so.
    virtual Result<Member> raise_role(std::string_view org, std::string_view user, Role role) = 0;
    /// Whether nobody else who has signed in could own the organisation.
    virtual Result<bool> is_last_owner(std::string_view org, std::string_view user) = 0;
    /// A member by its own id, such as a service account.
    virtual Result<Member> member(std::string_view id) = 0;

    /// Completes a principal that says who (`user` or `member`) with what they are in `org`: id or name, empty = the
    /// first they joined. `unauthenticated` when they are gone or disabled; `not_found` when they are not of `org`,
    /// whether or not there is one.
    virtual Result<Principal> in_organisation(Principal who, std::string_view org) = 0;

    /// What members, teams and organisations are called, by id; also removed ones. A member's is that of `Member`.
    virtual Result<std::map<std::string, std::string, std::less<>>> names() = 0;

    /// Whether anybody owns the default organisation.
    virtual Result<bool> has_owner() = 0;
    /// A fresh one-time token for making the first owner; the one before counts no more. `conflict` when there is an
    /// owner.
    virtual Result<Secret> new_setup_token() = 0;
    /// Whether `make_owner` would take the token now.
    virtual Result<bool> is_setup_token(const Secret& token) = 0;
    /// Uses the token up and makes the owner of the default organisation, active and verified. `permission_denied` when
    /// the token is wrong, used, over a day old, or there is an owner already.
    virtual Result<User> make_owner(const Secret& token, std::string_view email, std::string_view name) = 0;
};

}  // namespace lurus
