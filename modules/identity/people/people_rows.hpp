#pragma once
// Rows of people over one connection of a SQL database.

#include "core/db/sql.hpp"
#include "lurus/store/people.hpp"

namespace lurus::identity {

inline constexpr std::string_view people_feed = "people";

/// Reads with any connection. `Port` is PeopleReader or PeopleWriter.
template <class Port>
class PeopleRows : public Port {
public:
    explicit PeopleRows(sql::Connection& db) : db_(db) {}

    Result<std::optional<User>> user(std::string_view id) override;
    Result<std::optional<User>> user_with_email(std::string_view email) override;
    Result<std::vector<User>> users() override;
    Result<std::vector<Org>> orgs() override;
    Result<std::optional<Org>> org(std::string_view id_or_name) override;
    Result<std::optional<Member>> member(std::string_view id) override;
    Result<std::optional<Member>> find_member(std::string_view org, MemberKind kind,
                                              std::string_view id_or_name) override;
    Result<std::vector<Member>> members(std::string_view org, MemberKind kind, std::string_view after,
                                        std::size_t limit) override;
    Result<std::optional<Member>> membership(std::string_view org, std::string_view user) override;
    Result<std::vector<Member>> memberships(std::string_view user) override;
    Result<std::vector<Member>> every_membership(std::string_view user) override;
    Result<std::vector<std::string>> member_ids(std::string_view org) override;
    Result<std::vector<Owner>> owners(std::string_view org) override;
    Result<std::vector<Team>> teams(std::string_view org) override;
    Result<std::optional<Team>> team(std::string_view org, std::string_view id_or_name) override;
    Result<std::vector<std::string>> teams_of(std::string_view member) override;
    Result<OwnerRestrictions> restrictions() override;
    Result<std::optional<SetupToken>> setup_token() override;
    Result<std::map<std::string, std::string, std::less<>>> names() override;

private:
    Result<std::vector<Team>> teams_where(std::string_view condition, const sql::Values& values);

    sql::Connection& db_;
};

extern template class PeopleRows<PeopleReader>;
extern template class PeopleRows<PeopleWriter>;

}  // namespace lurus::identity
