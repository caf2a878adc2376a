// Who somebody is in an organisation, and how the first owner comes to be.
#include <openssl/crypto.h>

#include <algorithm>

#include "core/crypto/sha256.hpp"
#include "core/os/files.hpp"
#include "modules/identity/people/directory.hpp"

namespace lurus::identity {
namespace {

constexpr std::int64_t setup_token_life_us = 24ll * 3600 * 1'000'000;

// Disabled ones count: somebody who was locked out stays the owner.
Result<bool> owner_exists(PeopleReader& rows) {
    const auto owners = rows.owners(default_org);
    if (!owners) return std::unexpected(owners.error());
    return std::ranges::any_of(*owners, [](const Owner& owner) { return owner.status != UserStatus::erased; });
}

Principal completed(Principal who, const Member& member) {
    who.org = member.org;
    who.member = member.id;
    who.role = member.role;
    who.name = member.name;
    return who;
}

bool is_called(const Member& member, std::string_view org) {
    return org.empty() || member.org == org || member.org_name == org;
}

Result<Principal> user_in(PeopleReader& rows, Principal who, std::string_view org) {
    const auto user = rows.user(who.user);
    if (!user) return std::unexpected(user.error());
    if (!*user || (*user)->status == UserStatus::disabled || (*user)->status == UserStatus::erased)
        return fail(ErrorCode::unauthenticated, "this user is not there any more, or disabled");
    const auto memberships = rows.memberships(who.user);
    if (!memberships) return std::unexpected(memberships.error());
    const auto found = std::ranges::find_if(
        *memberships, [&](const Member& member) { return !member.disabled && is_called(member, org); });
    if (found != memberships->end()) return completed(std::move(who), *found);
    if (!org.empty()) return fail(ErrorCode::not_found, "there is no such organisation");
    who.name = (*user)->email;  // signed in, and nowhere a member: may see itself only
    who.org.clear();
    who.role = Role::viewer;
    return who;
}

Result<Principal> service_in(PeopleReader& rows, Principal who, std::string_view org) {
    const auto member = rows.member(who.member);
    if (!member) return std::unexpected(member.error());
    bool usable = *member && (*member)->user.empty() && !(*member)->disabled;
    if (usable) {
        const auto home = rows.org((*member)->org);
        if (!home) return std::unexpected(home.error());
        usable = home->has_value();
    }
    if (!usable) return fail(ErrorCode::unauthenticated, "this service account is not there any more, or disabled");
    if (!is_called(**member, org)) return fail(ErrorCode::not_found, "there is no such organisation");
    return completed(std::move(who), **member);
}

// A one-time link's token: the newest, at most a day old, while there is no owner.
Result<bool> is_good(PeopleReader& rows, const Secret& token, UnixMicros now) {
    const auto stored = rows.setup_token();
    if (!stored) return std::unexpected(stored.error());
    const auto owned = owner_exists(rows);
    if (!owned) return owned;
    const auto hash = sha256(token.reveal());
    return !*owned && *stored && CRYPTO_memcmp((*stored)->hash.data(), hash.data(), hash.size()) == 0 &&
           now - (*stored)->created < setup_token_life_us;
}

}  // namespace

Result<Principal> Directory::in_organisation(Principal who, std::string_view wanted) {
    if (who.kind == Principal::Kind::admin_token) {
        if (wanted.empty()) return who;
        auto found = org(wanted);
        if (!found && found.error().code == ErrorCode::not_found) return std::unexpected(no_such_org(wanted));
        if (!found) return std::unexpected(found.error());
        who.org = found->id;
        return who;
    }
    return store_.read("reading who asks", [&](PeopleReader& rows) {
        return who.kind == Principal::Kind::service ? service_in(rows, std::move(who), wanted)
                                                    : user_in(rows, std::move(who), wanted);
    });
}

Result<bool> Directory::has_owner() {
    return store_.read("looking for an owner", [](PeopleReader& rows) { return owner_exists(rows); });
}

Result<Secret> Directory::new_setup_token() {
    auto token = random_hex(32);
    if (!token) return std::unexpected(token.error());
    return store_.write("storing a one-time link", [&](PeopleWriter& rows) -> Result<Secret> {
        const auto owned = owner_exists(rows);
        if (!owned) return std::unexpected(owned.error());
        if (*owned) return fail(ErrorCode::conflict, "there is an owner already");
        if (auto done = rows.put_setup_token({sha256(*token), clock_.now()}); !done)
            return std::unexpected(done.error());
        return Secret(*std::move(token));
    });
}

Result<bool> Directory::is_setup_token(const Secret& token) {
    return store_.read("looking at a one-time link",
                       [&](PeopleReader& rows) { return is_good(rows, token, clock_.now()); });
}

Result<User> Directory::make_owner(const Secret& token, std::string_view email, std::string_view name) {
    NewUser wanted;
    wanted.name = name;
    wanted.status = UserStatus::active;
    wanted.email_verified = true;
    const auto address = checked_email(email);
    if (!address) return std::unexpected(address.error());
    if (!name.empty()) {
        if (auto ok = check_title(name, "name"); !ok) return std::unexpected(ok.error());
    }
    return announced(store_.write("making the owner", [&](PeopleWriter& rows) -> Result<User> {
        const auto good = is_good(rows, token, clock_.now());
        if (!good) return std::unexpected(good.error());
        if (!*good) {
            return fail(ErrorCode::permission_denied,
                        "this link is wrong, used or over a day old; `lurus serve` prints a new one at its next start "
                        "while there is no owner");
        }
        const auto known = rows.user_with_email(*address);
        if (!known) return std::unexpected(known.error());
        auto user = *known ? Result<User>(**known) : insert_user(rows, wanted, *address);
        if (!user) return user;
        user->status = UserStatus::active;
        user->email_verified = true;
        if (auto done = rows.update_user(*user); !done) return std::unexpected(done.error());
        if (auto joined = join(rows, default_org, user->id, Role::owner); !joined)
            return std::unexpected(joined.error());
        if (auto done = rows.drop_setup_token(); !done) return std::unexpected(done.error());
        return there(rows.user(user->id), "user");
    }));
}

}  // namespace lurus::identity
