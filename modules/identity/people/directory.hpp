#pragma once
// Organisations, their members and teams, and the users behind them.

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lurus/users.hpp"
#include "modules/identity/keys/limits_json.hpp"
#include "modules/identity/people/standing.hpp"

namespace lurus::identity {

struct Org {
    std::string id;
    std::string name;  // unique; a-z, 0-9 and -
    Limits limits;
    UnixMicros created = 0;
};

struct Team {
    std::string id;
    std::string org;
    std::string name;
    Limits limits;
    UnixMicros created = 0;
    std::vector<std::string> members;  // ids, in order
};

enum class MemberKind : std::uint8_t { user, service };

/// Any thread. What is of another organisation is `not_found`, exactly as what is not there.
class Directory : public Users {
public:
    virtual Result<Standing> standing() = 0;
    /// Called after anything changed that `standing` may tell of. Set once, before the first change; so is `on_leave`.
    virtual void on_change(std::function<void()> callback) = 0;
    /// Called with members that were removed, or whose user was erased.
    virtual void on_leave(std::function<void(const UserSet& members, bool erased)> callback) = 0;

    virtual Result<std::vector<Org>> orgs() = 0;
    virtual Result<Org> org(std::string_view id_or_name) = 0;
    virtual Result<Org> create_org(std::string_view name) = 0;
    virtual Result<Org> change_org(std::string_view id, std::optional<std::string> name,
                                   const LimitsChange& limits) = 0;
    /// Not the default one: `conflict`.
    virtual Result<void> remove_org(std::string_view id) = 0;

    /// By name; `after` is the name of the last one of the page before.
    virtual Result<std::vector<Member>> members(std::string_view org, MemberKind kind, std::string_view after,
                                                std::size_t limit) = 0;
    /// By id, or by e-mail address or name.
    virtual Result<Member> member_of(std::string_view org, MemberKind kind, std::string_view id_or_name) = 0;
    /// Adds the user with this address, who is made (invited) when there is none: the answer tells no difference.
    /// `conflict` when they are a member already.
    virtual Result<Member> add_member(std::string_view org, std::string_view email, Role role) = 0;
    virtual Result<Member> add_service(std::string_view org, std::string_view name, Role role) = 0;
    /// `conflict` where the organisation would have no owner left who can sign in.
    virtual Result<Member> change_member(const Member& member, std::optional<Role> role, std::optional<bool> disabled,
                                         const LimitsChange& limits = {}) = 0;
    virtual Result<void> remove_member(const Member& member) = 0;
    /// Ids of all who ever were members or service accounts.
    virtual Result<std::vector<std::string>> member_ids(std::string_view org) = 0;

    virtual Result<std::vector<Team>> teams(std::string_view org) = 0;
    virtual Result<Team> team(std::string_view org, std::string_view id_or_name) = 0;
    virtual Result<Team> create_team(std::string_view org, std::string_view name) = 0;
    virtual Result<Team> change_team(const Team& team, std::optional<std::string> name, const LimitsChange& limits) = 0;
    virtual Result<void> remove_team(const Team& team) = 0;
    virtual Result<Team> add_to_team(const Team& team, std::string_view member) = 0;
    virtual Result<Team> take_from_team(const Team& team, std::string_view member) = 0;
    virtual Result<std::vector<std::string>> teams_of(std::string_view member) = 0;
};

Result<std::unique_ptr<Directory>> open_directory_sqlite(const std::filesystem::path& file, const Clock& clock);

/// Lower case; `invalid_argument` when it cannot be an address.
Result<std::string> checked_email(std::string_view text);
Result<void> check_org_name(std::string_view name);
/// Of a team, a service account or a person.
Result<void> check_title(std::string_view name, std::string_view what);

}  // namespace lurus::identity
