#include <algorithm>

#include "modules/identity/keys/key_text.hpp"
#include "modules/identity/people/directory.hpp"

namespace lurus::identity {
namespace {

Result<Team> team_called(PeopleReader& rows, std::string_view org, std::string_view id_or_name) {
    return there(rows.team(org, id_or_name), "team");
}

Result<void> check_team_name_free(PeopleReader& rows, std::string_view org, std::string_view name) {
    const auto taken = rows.team(org, name);
    if (!taken) return std::unexpected(taken.error());
    if (*taken) return fail(ErrorCode::conflict, "a team named `" + std::string(name) + "` exists already");
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

Result<std::vector<Team>> Directory::teams(std::string_view org) {
    return store_.read("reading teams", [&](PeopleReader& rows) { return rows.teams(org); });
}

Result<Team> Directory::team(std::string_view org, std::string_view id_or_name) {
    return store_.read("reading a team", [&](PeopleReader& rows) { return team_called(rows, org, id_or_name); });
}

Result<Team> Directory::create_team(std::string_view org, std::string_view name) {
    if (auto ok = check_title(name, "name"); !ok) return std::unexpected(ok.error());
    Team team;
    team.id = new_id();
    team.org = org;
    team.name = name;
    team.created = clock_.now();
    return store_.write("storing a team", [&](PeopleWriter& rows) -> Result<Team> {
        auto done = check_team_name_free(rows, org, name);
        if (done) done = rows.insert_team(team);
        if (!done) return std::unexpected(done.error());
        return team;
    });
}

Result<Team> Directory::change_team(const Team& team, std::optional<std::string> name, const OwnChange& own,
                                    IfVersion version) {
    if (name) {
        if (auto ok = check_title(*name, "name"); !ok) return std::unexpected(ok.error());
    }
    return announced(store_.write("changing a team", [&](PeopleWriter& rows) -> Result<Team> {
        auto now = team_called(rows, team.org, team.id);
        if (!now) return now;
        auto done = check_version(*now, version, "team");
        if (done && name && *name != now->name) done = check_team_name_free(rows, team.org, *name);
        if (!done) return std::unexpected(done.error());
        const Team before = *now;
        if (name) now->name = *name;
        own.apply(*now);
        if (now->name == before.name && now->limits == before.limits && now->models == before.models) return now;
        if (done = rows.update_team(*now); !done) return std::unexpected(done.error());
        return team_called(rows, team.org, team.id);
    }));
}

Result<void> Directory::remove_team(const Team& team, IfVersion version) {
    return store_.write("removing a team", [&](PeopleWriter& rows) -> Result<void> {
        auto now = team_called(rows, team.org, team.id);
        if (!now) return std::unexpected(now.error());
        if (auto ok = check_version(*now, version, "team"); !ok) return ok;
        now->removed = clock_.now();
        now->members.clear();
        return rows.update_team(*now);
    });
}

Result<Team> Directory::add_to_team(const Team& team, std::string_view member) {
    return store_.write("changing a team", [&](PeopleWriter& rows) -> Result<Team> {
        auto now = team_called(rows, team.org, team.id);
        if (!now || std::ranges::find(now->members, member) != now->members.end()) return now;
        now->members.emplace_back(member);
        if (auto done = rows.update_team(*now); !done) return std::unexpected(done.error());
        return team_called(rows, team.org, team.id);
    });
}

Result<Team> Directory::take_from_team(const Team& team, std::string_view member) {
    return store_.write("changing a team", [&](PeopleWriter& rows) -> Result<Team> {
        auto now = team_called(rows, team.org, team.id);
        if (!now) return now;
        if (std::erase(now->members, member) == 0)
            return fail(ErrorCode::not_found, "there is no such member in this team");
        if (auto done = rows.update_team(*now); !done) return std::unexpected(done.error());
        return team_called(rows, team.org, team.id);
    });
}

Result<std::vector<std::string>> Directory::teams_of(std::string_view member) {
    return store_.read("reading teams", [&](PeopleReader& rows) { return rows.teams_of(member); });
}

}  // namespace lurus::identity
