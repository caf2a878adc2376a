#include <algorithm>

#include "core/text/ascii.hpp"
#include "modules/identity/people/directory.hpp"

namespace lurus::identity {
namespace {

const char* called(MemberKind kind) {
    return kind == MemberKind::user ? "member" : "service account";
}

MemberKind kind_of(const Member& member) {
    return member.user.empty() ? MemberKind::service : MemberKind::user;
}

Result<Member> member_with_id(PeopleReader& rows, std::string_view id, MemberKind kind = MemberKind::user) {
    return there(rows.member(id), called(kind));
}

}  // namespace

Result<void> check_owner_left(PeopleReader& rows, const Member& member) {
    if (member.role != Role::owner || member.user.empty()) return {};
    const auto owners = rows.owners(member.org);
    if (!owners) return std::unexpected(owners.error());
    const bool another = std::ranges::any_of(*owners, [&](const Owner& owner) {
        return owner.member != member.id && !owner.disabled &&
               (owner.status == UserStatus::active || owner.status == UserStatus::invited);
    });
    if (another) return {};
    return fail(ErrorCode::conflict, "this is the organisation's last owner; make another one first");
}

Result<Member> Directory::join(PeopleWriter& rows, std::string_view org, std::string_view user, Role role) {
    const auto before = rows.membership(org, user);
    if (!before) return std::unexpected(before.error());
    Member member;
    Result<void> done;
    if (*before) {
        member = **before;
        if (!member.removed && member.role == role) return member;
        if (member.removed) member.disabled = false;
        member.removed.reset();
        member.role = role;
        done = rows.update_member(member);
    } else {
        member.id = new_id();
        member.org = org;
        member.user = user;
        member.role = role;
        member.created = clock_.now();
        done = rows.insert_member(member);
    }
    if (!done) return std::unexpected(done.error());
    return member_with_id(rows, member.id);
}

Result<std::vector<Member>> Directory::memberships(std::string_view user) {
    return store_.read("reading memberships", [&](PeopleReader& rows) { return rows.memberships(user); });
}

Result<Member> Directory::set_role(std::string_view org, std::string_view user, Role role) {
    return announced(store_.write("changing a member", [&](PeopleWriter& rows) -> Result<Member> {
        const auto now = rows.membership(org, user);
        if (!now) return std::unexpected(now.error());
        if (*now && !(*now)->removed && role != Role::owner) {
            if (auto ok = check_owner_left(rows, **now); !ok) return std::unexpected(ok.error());
        }
        return join(rows, org, user, role);
    }));
}

Result<Member> Directory::raise_role(std::string_view org, std::string_view user, Role role) {
    return announced(store_.write("changing a member", [&](PeopleWriter& rows) -> Result<Member> {
        const auto now = rows.membership(org, user);
        if (!now) return std::unexpected(now.error());
        if (*now && !(*now)->removed && (*now)->role >= role) return **now;
        return join(rows, org, user, role);
    }));
}

Result<bool> Directory::is_last_owner(std::string_view org, std::string_view user) {
    return store_.read("looking for an owner", [&](PeopleReader& rows) -> Result<bool> {
        const auto member = rows.membership(org, user);
        if (!member) return std::unexpected(member.error());
        if (!*member || (*member)->removed || (*member)->disabled || (*member)->role != Role::owner) return false;
        const auto owners = rows.owners(org);
        if (!owners) return std::unexpected(owners.error());
        return std::ranges::none_of(*owners, [&](const Owner& owner) {
            return owner.member != (*member)->id && !owner.disabled && owner.status == UserStatus::active;
        });
    });
}

Result<Member> Directory::member(std::string_view id) {
    return store_.read("reading a member", [&](PeopleReader& rows) { return member_with_id(rows, id); });
}

Result<std::vector<Member>> Directory::members(std::string_view org, MemberKind kind, std::string_view after,
                                               std::size_t limit) {
    return store_.read("reading members", [&](PeopleReader& rows) { return rows.members(org, kind, after, limit); });
}

Result<Member> Directory::member_of(std::string_view org, MemberKind kind, std::string_view id_or_name) {
    const std::string wanted = kind == MemberKind::user ? lower_case(id_or_name) : std::string(id_or_name);
    return store_.read("reading a member",
                       [&](PeopleReader& rows) { return there(rows.find_member(org, kind, wanted), called(kind)); });
}

Result<Member> Directory::add_member(std::string_view org, std::string_view address, Role role) {
    const auto email = checked_email(address);
    if (!email) return std::unexpected(email.error());
    return announced(store_.write("storing a member", [&](PeopleWriter& rows) -> Result<Member> {
        const auto there_is = rows.find_member(org, MemberKind::user, *email);
        if (!there_is) return std::unexpected(there_is.error());
        if (*there_is) return fail(ErrorCode::conflict, "`" + *email + "` is a member already");
        const auto known = rows.user_with_email(*email);
        if (!known) return std::unexpected(known.error());
        const auto user = *known ? Result<User>(**known) : insert_user(rows, NewUser(), *email);
        if (!user) return std::unexpected(user.error());
        return join(rows, org, user->id, role);
    }));
}

Result<Member> Directory::add_service(std::string_view org, std::string_view name, Role role) {
    if (auto ok = check_title(name, "name"); !ok) return std::unexpected(ok.error());
    Member member;
    member.id = new_id();
    member.org = org;
    member.name = name;
    member.role = role;
    member.created = clock_.now();
    return store_.write("storing a service account", [&](PeopleWriter& rows) -> Result<Member> {
        const auto taken = rows.find_member(org, MemberKind::service, name);
        if (!taken) return std::unexpected(taken.error());
        if (*taken)
            return fail(ErrorCode::conflict, "a service account named `" + std::string(name) + "` exists already");
        if (auto done = rows.insert_member(member); !done) return std::unexpected(done.error());
        return member_with_id(rows, member.id);
    });
}

Result<Member> Directory::change_member(const Member& member, std::optional<Role> role, std::optional<bool> disabled,
                                        const OwnChange& own, IfVersion version, Role rank) {
    return announced(store_.write("changing a member", [&](PeopleWriter& rows) -> Result<Member> {
        auto now = member_with_id(rows, member.id, kind_of(member));
        if (!now) return now;
        auto done = check_version(*now, version, called(kind_of(member)));
        if (done) done = check_rank(rank, now->role);
        const bool loses = (role && *role != Role::owner) || (disabled && *disabled);
        if (done && loses) done = check_owner_left(rows, *now);
        if (!done) return std::unexpected(done.error());
        const Member before = *now;
        now->role = role.value_or(now->role);
        now->disabled = disabled.value_or(now->disabled);
        own.apply(*now);
        const bool same = now->role == before.role && now->disabled == before.disabled &&
                          now->limits == before.limits && now->models == before.models;
        if (same) return now;
        if (done = rows.update_member(*now); !done) return std::unexpected(done.error());
        return member_with_id(rows, member.id);
    }));
}

Result<void> Directory::remove_member(const Member& member, IfVersion version, Role rank) {
    auto done = store_.write("removing a member", [&](PeopleWriter& rows) -> Result<void> {
        auto now = member_with_id(rows, member.id, kind_of(member));
        if (!now) return std::unexpected(now.error());
        if (auto ok = check_version(*now, version, called(kind_of(member))); !ok) return ok;
        if (auto ok = check_rank(rank, now->role); !ok) return ok;
        if (auto ok = check_owner_left(rows, *now); !ok) return ok;
        now->removed = clock_.now();
        if (auto ok = rows.update_member(*now); !ok) return ok;
        const auto teams = rows.teams_of(member.id);
        if (!teams) return std::unexpected(teams.error());
        for (const auto& id : *teams) {
            auto team = there(rows.team(now->org, id), "team");
            if (!team) return std::unexpected(team.error());
            std::erase(team->members, member.id);
            if (auto ok = rows.update_team(*team); !ok) return ok;
        }
        return {};
    });
    if (done && left_) left_({member.id}, false);
    return announced(std::move(done));
}

Result<std::vector<std::string>> Directory::member_ids(std::string_view org) {
    return store_.read("reading members", [&](PeopleReader& rows) { return rows.member_ids(org); });
}

Result<std::map<std::string, std::string, std::less<>>> Directory::names() {
    return store_.read("reading names", [](PeopleReader& rows) { return rows.names(); });
}

Result<OwnerRestrictions> Directory::restrictions() {
    return store_.read("reading who is disabled", [](PeopleReader& rows) { return rows.restrictions(); });
}

}  // namespace lurus::identity
