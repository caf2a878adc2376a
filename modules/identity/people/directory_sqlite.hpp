#pragma once
// The directory in lurus.db: one connection, one caller at a time.

#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "core/db/sqlite.hpp"
#include "lurus/ids.hpp"
#include "modules/identity/people/directory.hpp"

namespace lurus::identity {

class SqliteDirectory final : public Directory {
public:
    SqliteDirectory(std::unique_ptr<SQLite::Database> db, const Clock& clock) : db_(std::move(db)), clock_(clock) {}

    // standing_sqlite.cpp
    Result<Standing> standing() override;
    void on_change(std::function<void()> callback) override { changed_ = std::move(callback); }
    void on_leave(std::function<void(const UserSet& members, bool erased)> callback) override {
        left_ = std::move(callback);
    }

    // users_sqlite.cpp
    Result<User> find(std::string_view id) override;
    Result<User> find_by_email(std::string_view email) override;
    Result<std::vector<User>> list() override;
    Result<User> create(const NewUser& wanted) override;
    Result<void> set_status(std::string_view id, UserStatus status) override;
    Result<void> set_email_verified(std::string_view id) override;
    Result<void> erase(std::string_view id) override;
    void on_erase(std::function<void(std::string_view user)> callback) override;
    Result<std::vector<Member>> memberships(std::string_view user) override;
    Result<Member> set_role(std::string_view org, std::string_view user, Role role) override;
    Result<Principal> in_organisation(Principal who, std::string_view org) override;
    Result<bool> has_owner() override;
    Result<Secret> new_setup_token() override;
    Result<User> make_owner(const Secret& token, std::string_view email, std::string_view name) override;

    // orgs_sqlite.cpp
    Result<std::vector<Org>> orgs() override;
    Result<Org> org(std::string_view id_or_name) override;
    Result<Org> create_org(std::string_view name) override;
    Result<Org> change_org(std::string_view id, std::optional<std::string> name, const LimitsChange& limits) override;
    Result<void> remove_org(std::string_view id) override;

    // members_sqlite.cpp
    Result<Member> member(std::string_view id) override;
    Result<std::vector<Member>> members(std::string_view org, MemberKind kind, std::string_view after,
                                        std::size_t limit) override;
    Result<Member> member_of(std::string_view org, MemberKind kind, std::string_view id_or_name) override;
    Result<Member> add_member(std::string_view org, std::string_view email, Role role) override;
    Result<Member> add_service(std::string_view org, std::string_view name, Role role) override;
    Result<Member> change_member(const Member& member, std::optional<Role> role, std::optional<bool> disabled,
                                 const LimitsChange& limits) override;
    Result<void> remove_member(const Member& member) override;
    Result<std::vector<std::string>> member_ids(std::string_view org) override;

    // names_sqlite.cpp
    Result<std::map<std::string, std::string, std::less<>>> names() override;

    // teams_sqlite.cpp
    Result<std::vector<Team>> teams(std::string_view org) override;
    Result<Team> team(std::string_view org, std::string_view id_or_name) override;
    Result<Team> create_team(std::string_view org, std::string_view name) override;
    Result<Team> change_team(const Team& team, std::optional<std::string> name, const LimitsChange& limits) override;
    Result<void> remove_team(const Team& team) override;
    Result<Team> add_to_team(const Team& team, std::string_view member) override;
    Result<Team> take_from_team(const Team& team, std::string_view member) override;
    Result<std::vector<std::string>> teams_of(std::string_view member) override;

private:
    /// `work` with the connection to itself; what SQLite throws becomes an Error that says `doing`.
    template <class Work>
    auto with(std::string_view doing, Work work) -> decltype(work(std::declval<SQLite::Database&>())) {
        const std::scoped_lock lock(mutex_);
        try {
            return work(*db_);
        } catch (const SQLite::Exception& e) {
            return std::unexpected(sqlite_error(doing, e));
        }
    }
    /// `result`, after `on_change` was told of a success. Without the connection.
    template <class T>
    Result<T> told(Result<T> result) {
        if (result && changed_) changed_();
        return result;
    }
    std::string new_id() { return ids_.next(clock_.now()).hex(); }

    // With the connection to themselves already.
    Result<User> insert_user(SQLite::Database& db, const NewUser& wanted, const std::string& email);
    Result<Member> join(SQLite::Database& db, std::string_view org, std::string_view user, Role role);

    std::unique_ptr<SQLite::Database> db_;
    const Clock& clock_;
    IdGenerator ids_;
    std::function<void()> changed_;
    std::function<void(const UserSet& members, bool erased)> left_;
    std::mutex mutex_;  // guards db_, ids_ and erased_
    std::vector<std::function<void(std::string_view)>> erased_;
};

/// Rows as members, from `select_member` and what follows it.
extern const char* const select_member;
Member member_from(SQLite::Statement& row);
Result<Member> member_by_id(SQLite::Database& db, std::string_view id);
/// `conflict` when nobody but `member` could own the organisation.
Result<void> check_owner_left(SQLite::Database& db, const Member& member);
void bind_text(SQLite::Statement& statement, int at, std::string_view text);
/// For showing: none where the column is damaged, which `standing` refuses.
Limits limits_in(const SQLite::Column& column);

}  // namespace lurus::identity
