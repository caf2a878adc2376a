#include "modules/identity/keys/key_text.hpp"
#include "modules/identity/people/directory_sqlite.hpp"

namespace lurus::identity {
namespace {

Error no_team() {
    return Error(ErrorCode::not_found, "there is no such team");
}

std::vector<std::string> texts(SQLite::Database& db, const char* sql, std::string_view value) {
    std::vector<std::string> out;
    SQLite::Statement select(db, sql);
    bind_text(select, 1, value);
    while (select.executeStep()) out.push_back(select.getColumn(0).getString());
    return out;
}

Result<Team> find_team(SQLite::Database& db, std::string_view org, std::string_view id_or_name) {
    SQLite::Statement select(db,
                             "SELECT id, org, name, created_us, limits FROM team WHERE org = ?1 AND (id = ?2 OR name = "
                             "?2) AND removed_us IS NULL");
    bind_text(select, 1, org);
    bind_text(select, 2, id_or_name);
    if (!select.executeStep()) return std::unexpected(no_team());
    Team team;
    team.id = select.getColumn(0).getString();
    team.org = select.getColumn(1).getString();
    team.name = select.getColumn(2).getString();
    team.created = select.getColumn(3).getInt64();
    team.limits = limits_in(select.getColumn(4));
    team.members = texts(db, "SELECT member FROM team_member WHERE team = ? ORDER BY member", team.id);
    return team;
}

Result<void> check_team_name_free(SQLite::Database& db, std::string_view org, std::string_view name) {
    if (find_team(db, org, name))
        return fail(ErrorCode::conflict, "a team named `" + std::string(name) + "` exists already");
    return {};
}

}  // namespace

Result<void> check_title(std::string_view name, std::string_view what) {
    if (auto ok = check_name(name); !ok) {
        return fail(ErrorCode::invalid_argument,
                    "`" + std::string(what) +
                        "` must be 1 to 64 bytes of UTF-8 without control characters or spaces at its ends, and unlike "
                        "an id");
    }
    return {};
}

Result<std::vector<Team>> SqliteDirectory::teams(std::string_view org) {
    return with("reading teams", [&](auto& db) -> Result<std::vector<Team>> {
        std::vector<Team> all;
        for (const auto& id :
             texts(db, "SELECT id FROM team WHERE org = ? AND removed_us IS NULL ORDER BY name", org)) {
            auto team = find_team(db, org, id);
            if (!team) return std::unexpected(team.error());
            all.push_back(*std::move(team));
        }
        return all;
    });
}

Result<Team> SqliteDirectory::team(std::string_view org, std::string_view id_or_name) {
    return with("reading a team", [&](auto& db) { return find_team(db, org, id_or_name); });
}

Result<Team> SqliteDirectory::create_team(std::string_view org, std::string_view name) {
    if (auto ok = check_title(name, "name"); !ok) return std::unexpected(ok.error());
    return with("storing a team", [&](auto& db) -> Result<Team> {
        SQLite::Transaction transaction(db, SQLite::TransactionBehavior::IMMEDIATE);
        if (auto ok = check_team_name_free(db, org, name); !ok) return std::unexpected(ok.error());
        const std::string id = new_id();
        SQLite::Statement insert(db, "INSERT INTO team (id, org, name, created_us) VALUES (?, ?, ?, ?)");
        insert.bind(1, id);
        bind_text(insert, 2, org);
        bind_text(insert, 3, name);
        insert.bind(4, clock_.now());
        insert.exec();
        auto made = find_team(db, org, id);
        transaction.commit();
        return made;
    });
}

Result<Team> SqliteDirectory::change_team(const Team& team, std::optional<std::string> name,
                                          const LimitsChange& limits) {
    if (name) {
        if (auto ok = check_title(*name, "name"); !ok) return std::unexpected(ok.error());
    }
    return told(with("changing a team", [&](auto& db) -> Result<Team> {
        SQLite::Transaction transaction(db, SQLite::TransactionBehavior::IMMEDIATE);
        const auto now = find_team(db, team.org, team.id);
        if (!now) return now;
        if (name && *name != now->name) {
            if (auto ok = check_team_name_free(db, team.org, *name); !ok) return std::unexpected(ok.error());
        }
        Limits wanted = now->limits;
        limits.apply(wanted);
        SQLite::Statement update(db, "UPDATE team SET name = ?, limits = ? WHERE id = ? AND removed_us IS NULL");
        update.bind(1, name.value_or(now->name));
        update.bind(2, stored_limits(wanted));
        update.bind(3, team.id);
        update.exec();
        auto changed = find_team(db, team.org, team.id);
        transaction.commit();
        return changed;
    }));
}

Result<void> SqliteDirectory::remove_team(const Team& team) {
    return with("removing a team", [&](auto& db) -> Result<void> {
        SQLite::Transaction transaction(db, SQLite::TransactionBehavior::IMMEDIATE);
        SQLite::Statement leave(db, "DELETE FROM team_member WHERE team = ?");
        leave.bind(1, team.id);
        leave.exec();
        SQLite::Statement update(db, "UPDATE team SET removed_us = ? WHERE id = ? AND removed_us IS NULL");
        update.bind(1, clock_.now());
        update.bind(2, team.id);
        if (update.exec() == 0) return std::unexpected(no_team());
        transaction.commit();
        return {};
    });
}

Result<Team> SqliteDirectory::add_to_team(const Team& team, std::string_view member) {
    return with("changing a team", [&](auto& db) -> Result<Team> {
        SQLite::Statement insert(db, "INSERT OR IGNORE INTO team_member (team, member) VALUES (?, ?)");
        insert.bind(1, team.id);
        bind_text(insert, 2, member);
        insert.exec();
        return find_team(db, team.org, team.id);
    });
}

Result<Team> SqliteDirectory::take_from_team(const Team& team, std::string_view member) {
    return with("changing a team", [&](auto& db) -> Result<Team> {
        SQLite::Statement remove(db, "DELETE FROM team_member WHERE team = ? AND member = ?");
        remove.bind(1, team.id);
        bind_text(remove, 2, member);
        if (remove.exec() == 0) return fail(ErrorCode::not_found, "there is no such member in this team");
        return find_team(db, team.org, team.id);
    });
}

Result<std::vector<std::string>> SqliteDirectory::teams_of(std::string_view member) {
    return with("reading teams", [&](auto& db) -> Result<std::vector<std::string>> {
        return texts(db, "SELECT team FROM team_member WHERE member = ? ORDER BY team", member);
    });
}

}  // namespace lurus::identity
