#pragma once
// Port: organisations, who belongs to them, and their teams, as rows. What may be done with them is identity's.

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lurus/result.hpp"
#include "lurus/store/change_feed.hpp"
#include "lurus/store/unit_of_work.hpp"
#include "lurus/users.hpp"

namespace lurus {

namespace sql {
class Database;
}

struct Org {
    std::string id;
    std::string name;  // unique; a-z, 0-9 and -
    Limits limits;
    ModelRules models;
    UnixMicros created = 0;
    std::optional<UnixMicros> removed;
    std::int64_t version = 1;
};

struct Team {
    std::string id;
    std::string org;
    std::string name;
    Limits limits;
    ModelRules models;
    UnixMicros created = 0;
    std::vector<std::string> members;  // ids, in order
    std::optional<UnixMicros> removed;
    std::int64_t version = 1;
};

enum class MemberKind : std::uint8_t { user, service };

/// A user who owns an organisation.
struct Owner {
    std::string member;
    bool disabled = false;
    UserStatus status = UserStatus::invited;
};

/// What opens the way to the first owner.
struct SetupToken {
    std::array<std::uint8_t, 32> hash{};
    UnixMicros created = 0;
};

/// What keys take from those they belong to: members, teams and organisations, by id.
struct OwnerRestrictions {
    UserSet blocked;  // disabled or gone: nothing of theirs counts
    std::map<std::string, Limits, std::less<>> limits;
    std::map<std::string, ModelRules, std::less<>> models;

    bool operator==(const OwnerRestrictions&) const = default;
};

/// The rows at one moment. What was removed is left out unless it says otherwise.
class PeopleReader {
public:
    virtual ~PeopleReader() = default;

    /// Also one who was erased.
    virtual Result<std::optional<User>> user(std::string_view id) = 0;
    virtual Result<std::optional<User>> user_with_email(std::string_view email) = 0;
    /// By address.
    virtual Result<std::vector<User>> users() = 0;

    virtual Result<std::vector<Org>> orgs() = 0;
    virtual Result<std::optional<Org>> org(std::string_view id_or_name) = 0;

    virtual Result<std::optional<Member>> member(std::string_view id) = 0;
    /// By id, or by e-mail address or name.
    virtual Result<std::optional<Member>> find_member(std::string_view org, MemberKind kind,
                                                      std::string_view id_or_name) = 0;
    /// By name, above `after`.
    virtual Result<std::vector<Member>> members(std::string_view org, MemberKind kind, std::string_view after,
                                                std::size_t limit) = 0;
    /// What the user is in this organisation, or was.
    virtual Result<std::optional<Member>> membership(std::string_view org, std::string_view user) = 0;
    /// In organisations that are there, oldest first.
    virtual Result<std::vector<Member>> memberships(std::string_view user) = 0;
    /// Also those that ended.
    virtual Result<std::vector<Member>> every_membership(std::string_view user) = 0;
    /// Of all who ever were members or service accounts.
    virtual Result<std::vector<std::string>> member_ids(std::string_view org) = 0;
    virtual Result<std::vector<Owner>> owners(std::string_view org) = 0;

    /// By name.
    virtual Result<std::vector<Team>> teams(std::string_view org) = 0;
    virtual Result<std::optional<Team>> team(std::string_view org, std::string_view id_or_name) = 0;
    /// Ids.
    virtual Result<std::vector<std::string>> teams_of(std::string_view member) = 0;

    /// `corrupt` where limits or models cannot be read: nothing goes on without those it has.
    virtual Result<OwnerRestrictions> restrictions() = 0;
    virtual Result<std::optional<SetupToken>> setup_token() = 0;
    /// Of organisations, teams and members, by id; also removed ones.
    virtual Result<std::map<std::string, std::string, std::less<>>> names() = 0;
};

/// An update is of the version that was read: `conflict` when the row has another one by now. Inserts take ids and
/// names as they are given; `conflict` when one is taken.
class PeopleWriter : public PeopleReader {
public:
    virtual Result<void> insert_user(const User& user) = 0;
    virtual Result<void> update_user(const User& user) = 0;
    virtual Result<void> insert_org(const Org& org) = 0;
    virtual Result<void> update_org(const Org& org) = 0;
    virtual Result<void> insert_member(const Member& member) = 0;
    /// Role, limits, models, whether it is disabled, and removed.
    virtual Result<void> update_member(const Member& member) = 0;
    virtual Result<void> insert_team(const Team& team) = 0;
    /// With its members.
    virtual Result<void> update_team(const Team& team) = 0;
    virtual Result<void> put_setup_token(const SetupToken& token) = 0;
    virtual Result<void> drop_setup_token() = 0;
};

/// Any thread; may block. `unavailable` when the database is away. `doing` begins the message of an error.
class PeopleStore {
public:
    virtual ~PeopleStore() = default;

    /// `work(PeopleReader&)` returns a Result, which is the result.
    template <class Work>
    auto read(std::string_view doing, Work work) {
        return carried<PeopleReader>(work, [&](const auto& run) { return with_reader(doing, run); });
    }
    /// `work(PeopleWriter&)` returns a Result: success is stored whole, failure leaves nothing behind. No other change
    /// comes between what it reads and what it stores.
    template <class Work>
    auto write(std::string_view doing, Work work) {
        return carried<PeopleWriter>(work, [&](const auto& run) { return with_writer(doing, run); });
    }
    /// Ids of rows: `user/ID`, `org/ID`, `member/ID`, `team/ID`. A removed one is deleted.
    virtual ChangeFeed& changes() = 0;

protected:
    virtual Result<void> with_reader(std::string_view doing,
                                     const std::function<Result<void>(PeopleReader&)>& work) = 0;
    virtual Result<void> with_writer(std::string_view doing,
                                     const std::function<Result<void>(PeopleWriter&)>& work) = 0;
};

/// `database` outlives it.
std::unique_ptr<PeopleStore> make_people_store(sql::Database& database);

}  // namespace lurus
