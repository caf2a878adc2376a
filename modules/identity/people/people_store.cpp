#include "core/db/sql_feed.hpp"
#include "core/text/concat.hpp"
#include "modules/identity/keys/limits_json.hpp"
#include "modules/identity/keys/models_json.hpp"
#include "modules/identity/people/people_rows.hpp"

namespace lurus {
namespace identity {
namespace {

class WrittenPeople final : public PeopleRows<PeopleWriter> {
public:
    explicit WrittenPeople(sql::Transaction& transaction) : PeopleRows(transaction), t_(transaction) {}

    Result<void> insert_user(const User& user) override {
        return insert("user/", user.id,
                      "INSERT INTO user_account (id, email, name, status, email_verified, created_us) VALUES ($1, $2, "
                      "$3, $4, $5, $6)",
                      {user.id, user.email, user.name, name_of(user.status), user.email_verified, user.created});
    }
    Result<void> update_user(const User& user) override {
        return update("user/", user.id, user.status == UserStatus::erased,
                      "UPDATE user_account SET email = $3, name = $4, status = $5, email_verified = $6, version = "
                      "version + 1 WHERE id = $1 AND version = $2",
                      {user.id, user.version, user.email, user.name, name_of(user.status), user.email_verified},
                      "this user");
    }
    Result<void> insert_org(const Org& org) override {
        return insert("org/", org.id,
                      "INSERT INTO org (id, name, limits, created_us, models) VALUES ($1, $2, $3, $4, $5)",
                      {org.id, org.name, stored_limits(org.limits), org.created, stored_models(org.models)});
    }
    Result<void> update_org(const Org& org) override {
        return update(
            "org/", org.id, org.removed.has_value(),
            "UPDATE org SET name = $3, limits = $4, removed_us = $5, models = $6, version = version + 1 WHERE id "
            "= $1 AND version = $2",
            {org.id, org.version, org.name, stored_limits(org.limits), org.removed, stored_models(org.models)},
            "this organisation");
    }
    Result<void> insert_member(const Member& member) override {
        const bool service = member.user.empty();
        return insert(
            "member/", member.id,
            "INSERT INTO member (id, org, user_id, name, role, disabled, limits, created_us, models) VALUES ($1, "
            "$2, $3, $4, $5, $6, $7, $8, $9)",
            {member.id, member.org, service ? sql::Value(std::nullopt) : sql::Value(member.user),
             service ? member.name : std::string(), name_of(member.role), member.disabled, stored_limits(member.limits),
             member.created, stored_models(member.models)});
    }
    Result<void> update_member(const Member& member) override {
        return update(
            "member/", member.id, member.removed.has_value(),
            "UPDATE member SET role = $3, disabled = $4, limits = $5, removed_us = $6, models = $7, version = "
            "version + 1 WHERE id = $1 AND version = $2",
            {member.id, member.version, name_of(member.role), member.disabled, stored_limits(member.limits),
             member.removed, stored_models(member.models)},
            "this member");
    }
    Result<void> insert_team(const Team& team) override {
        auto done = insert(
            "team/", team.id,
            "INSERT INTO team (id, org, name, limits, created_us, models) VALUES ($1, $2, $3, $4, $5, $6)",
            {team.id, team.org, team.name, stored_limits(team.limits), team.created, stored_models(team.models)});
        return done ? put_members(team) : done;
    }
    Result<void> update_team(const Team& team) override {
        auto done = update(
            "team/", team.id, team.removed.has_value(),
            "UPDATE team SET name = $3, limits = $4, removed_us = $5, models = $6, version = version + 1 "
            "WHERE id = $1 AND version = $2",
            {team.id, team.version, team.name, stored_limits(team.limits), team.removed, stored_models(team.models)},
            "this team");
        if (!done) return done;
        if (auto cleared = t_.execute("DELETE FROM team_member WHERE team = $1", {team.id}); !cleared)
            return std::unexpected(cleared.error());
        return put_members(team);
    }
    Result<void> put_setup_token(const SetupToken& token) override {
        return done(
            t_.execute("INSERT INTO setup_token (one, hash, created_us) VALUES (1, $1, $2) ON CONFLICT (one) DO "
                       "UPDATE SET hash = excluded.hash, created_us = excluded.created_us",
                       {sql::Bytes(token.hash.data(), token.hash.size()), token.created}));
    }
    Result<void> drop_setup_token() override { return done(t_.execute("DELETE FROM setup_token")); }

private:
    static Result<void> done(const Result<std::int64_t>& rows) {
        if (!rows) return std::unexpected(rows.error());
        return {};
    }
    Result<void> insert(std::string_view kind, std::string_view id, std::string_view statement,
                        const sql::Values& values) {
        t_.changed(people_feed, concat({kind, id}));
        return done(t_.execute(statement, values));
    }
    Result<void> update(std::string_view kind, std::string_view id, bool gone, std::string_view statement,
                        const sql::Values& values, std::string_view what) {
        const std::string change = concat({kind, id});
        gone ? t_.deleted(people_feed, change) : t_.changed(people_feed, change);
        return t_.execute_versioned(statement, values, what);
    }
    Result<void> put_members(const Team& team) {
        for (const auto& member : team.members) {
            auto put = t_.execute("INSERT INTO team_member (team, member) VALUES ($1, $2)", {team.id, member});
            if (!put) return std::unexpected(put.error());
        }
        return {};
    }

    sql::Transaction& t_;
};

class SqlPeople final : public PeopleStore {
public:
    explicit SqlPeople(sql::Database& database) : database_(database), feed_(database, std::string(people_feed)) {}

    ChangeFeed& changes() override { return feed_; }

protected:
    Result<void> with_reader(std::string_view doing, const std::function<Result<void>(PeopleReader&)>& work) override {
        return database_.read(doing, [&](sql::Connection& db) {
            PeopleRows<PeopleReader> rows(db);
            return work(rows);
        });
    }
    Result<void> with_writer(std::string_view doing, const std::function<Result<void>(PeopleWriter&)>& work) override {
        return database_.write(doing, [&](sql::Transaction& transaction) {
            WrittenPeople rows(transaction);
            return work(rows);
        });
    }

private:
    sql::Database& database_;
    sql::SqlFeed feed_;
};

}  // namespace
}  // namespace identity

std::unique_ptr<PeopleStore> make_people_store(sql::Database& database) {
    return std::make_unique<identity::SqlPeople>(database);
}

}  // namespace lurus
