#pragma once
// Organisations, their members and teams, and the users behind them: what may be done with them. The rows are the
// store's.

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lurus/ids.hpp"
#include "lurus/store/people.hpp"
#include "lurus/users.hpp"
#include "modules/identity/keys/limits_json.hpp"

namespace lurus::identity {

/// A version that must be the one there is, or the change is `stale`; empty = of whatever there is.
using IfVersion = std::optional<std::int64_t>;

/// Any thread; may block. What is of another organisation is `not_found`, exactly as what is not there.
class Directory final : public Users {
public:
    /// `store` outlives it.
    Directory(PeopleStore& store, const Clock& clock) : store_(store), clock_(clock) {}

    Result<OwnerRestrictions> restrictions();
    /// Called after anything changed that `restrictions` may tell of. Set once, before the first change; so is
    /// `on_leave`.
    void on_change(std::function<void()> callback) { changed_ = std::move(callback); }
    /// Called with members that were removed, or whose user was erased.
    void on_leave(std::function<void(const UserSet& members, bool erased)> callback) { left_ = std::move(callback); }

    // users.cpp
    Result<User> find(std::string_view id) override;
    Result<User> find_by_email(std::string_view email) override;
    /// By address, id, or the id of a membership; not one who was erased.
    Result<User> find_called(std::string_view text);
    Result<std::vector<User>> list() override;
    Result<User> create(const NewUser& wanted) override;
    Result<void> set_status(std::string_view id, UserStatus status) override {
        return change_status(id, status, std::nullopt);
    }
    Result<void> change_status(std::string_view id, UserStatus status, IfVersion version);
    Result<void> set_email_verified(std::string_view id) override;
    Result<void> erase(std::string_view id) override { return erase_user(id, std::nullopt); }
    Result<void> erase_user(std::string_view id, IfVersion version);
    void on_erase(std::function<void(std::string_view user)> callback) override;

    // principals.cpp
    Result<Principal> in_organisation(Principal who, std::string_view org) override;
    Result<bool> has_owner() override;
    Result<Secret> new_setup_token() override;
    Result<bool> is_setup_token(const Secret& token) override;
    Result<User> make_owner(const Secret& token, std::string_view email, std::string_view name) override;

    // orgs.cpp
    Result<std::vector<Org>> orgs();
    Result<Org> org(std::string_view id_or_name);
    Result<Org> create_org(std::string_view name);
    Result<Org> change_org(std::string_view id, std::optional<std::string> name, const OwnChange& own,
                           IfVersion version = std::nullopt);
    /// Not the default one: `conflict`.
    Result<void> remove_org(std::string_view id, IfVersion version = std::nullopt);

    // members.cpp
    Result<std::vector<Member>> memberships(std::string_view user) override;
    Result<Member> set_role(std::string_view org, std::string_view user, Role role) override;
    Result<Member> raise_role(std::string_view org, std::string_view user, Role role) override;
    Result<bool> is_last_owner(std::string_view org, std::string_view user) override;
    Result<Member> member(std::string_view id) override;
    /// By name; `after` is the name of the last one of the page before.
    Result<std::vector<Member>> members(std::string_view org, MemberKind kind, std::string_view after,
                                        std::size_t limit);
    /// By its id, its user's, or by e-mail address or name.
    Result<Member> member_of(std::string_view org, MemberKind kind, std::string_view id_or_name);
    /// Adds the user with this address, who is made (invited) when there is none: the answer tells no difference.
    /// `conflict` when they are a member already.
    Result<Member> add_member(std::string_view org, std::string_view email, Role role);
    Result<Member> add_service(std::string_view org, std::string_view name, Role role);
    /// `conflict` where the organisation would have no owner left who can sign in; `permission_denied` when the member
    /// is above `rank` by now, that of whoever asks.
    Result<Member> change_member(const Member& member, std::optional<Role> role, std::optional<bool> disabled,
                                 const OwnChange& own = {}, IfVersion version = std::nullopt, Role rank = Role::owner);
    Result<void> remove_member(const Member& member, IfVersion version = std::nullopt, Role rank = Role::owner);
    /// Ids of all who ever were members or service accounts.
    Result<std::vector<std::string>> member_ids(std::string_view org);
    Result<std::map<std::string, std::string, std::less<>>> names() override;

    // teams.cpp
    Result<std::vector<Team>> teams(std::string_view org);
    Result<Team> team(std::string_view org, std::string_view id_or_name);
    Result<Team> create_team(std::string_view org, std::string_view name);
    Result<Team> change_team(const Team& team, std::optional<std::string> name, const OwnChange& own,
                             IfVersion version = std::nullopt);
    Result<void> remove_team(const Team& team, IfVersion version = std::nullopt);
    Result<Team> add_to_team(const Team& team, std::string_view member);
    Result<Team> take_from_team(const Team& team, std::string_view member);
    Result<std::vector<std::string>> teams_of(std::string_view member);

    // unknown.cpp: `not_found`, with the nearest name that there is; for whoever may see those names.
    Error no_such_member(std::string_view org, MemberKind kind, std::string_view called);
    Error no_such_member(std::string_view org, std::string_view called);
    Error no_such_team(std::string_view org, std::string_view called);
    Error no_such_user(std::string_view called);
    Error no_such_org(std::string_view called);

private:
    /// `result`, after `on_change` was called for a success.
    template <class T>
    Result<T> announced(Result<T> result) {
        if (result && changed_) changed_();
        return result;
    }
    std::string new_id() {
        const std::scoped_lock lock(mutex_);
        return ids_.next(clock_.now()).hex();
    }

    Result<User> insert_user(PeopleWriter& rows, const NewUser& wanted, const std::string& email);
    /// Who comes back is the member they were, with the same id.
    Result<Member> join(PeopleWriter& rows, std::string_view org, std::string_view user, Role role);

    PeopleStore& store_;
    const Clock& clock_;
    std::function<void()> changed_;
    std::function<void(const UserSet& members, bool erased)> left_;
    std::mutex mutex_;  // guards what follows
    IdGenerator ids_;
    std::vector<std::function<void(std::string_view)>> erased_;
};

/// What is `found`, or `not_found`.
template <class T>
Result<T> there(Result<std::optional<T>> found, std::string_view what) {
    if (!found) return std::unexpected(found.error());
    if (!*found) return fail(ErrorCode::not_found, "there is no such " + std::string(what));
    return **std::move(found);
}

/// `stale` when the row is of another version than the one that is wanted.
template <class T>
Result<void> check_version(const T& row, IfVersion wanted, std::string_view what) {
    if (!wanted || row.version == *wanted) return {};
    return fail(ErrorCode::stale, "this " + std::string(what) + " was changed meanwhile; read it again");
}

/// `conflict` when nobody but `member` could own the organisation.
Result<void> check_owner_left(PeopleReader& rows, const Member& member);

/// Lower case; `invalid_argument` when it cannot be an address.
Result<std::string> checked_email(std::string_view text);
Result<void> check_org_name(std::string_view name);
/// Of a team, a service account or a person.
Result<void> check_title(std::string_view name, std::string_view what);

}  // namespace lurus::identity
