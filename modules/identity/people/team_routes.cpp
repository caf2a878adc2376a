// Teams of the principal's organisation.
#include <algorithm>

#include "core/http/api_body.hpp"
#include "core/http/paging.hpp"
#include "core/http/problem.hpp"
#include "modules/identity/routes.hpp"

namespace lurus::identity {
namespace {

std::string team_schema() {
    return R"({"type":"object","required":["id","name","created","members",)" + required_limits_schema() + "," +
           required_models_schema() +
           R"(],"properties":{"id":{"type":"string"},"name":{"type":"string"},)"
           R"("created":{"type":"string","format":"date-time"},"members":{"type":"array","items":)"
           R"({"type":"object","required":["id","name"],"properties":{"id":{"type":"string"},"name":{"type":"string"}}}},)" +
           shown_limits_schema() + "," + shown_models_schema() + "}}";
}
std::string team_change_schema() {
    return R"({"type":"object","additionalProperties":false,"minProperties":1,"properties":{)"
           R"("name":{"type":"string","maxLength":64},)" +
           settable_limits_schema() + "," + settable_models_schema() + "}}";
}
constexpr std::string_view name_schema =
    R"({"type":"object","required":["name"],"additionalProperties":false,"properties":{"name":{"type":"string","maxLength":64}}})";

struct Teams {
    Directory& directory;
    Keys& keys;

    [[nodiscard]] nlohmann::ordered_json json(const Team& team) const {
        nlohmann::ordered_json out;
        out["id"] = team.id;
        out["name"] = team.name;
        out["created"] = format_time(team.created);
        out["members"] = nlohmann::ordered_json::array();
        for (const auto& id : team.members) {
            const auto member = directory.member(id);
            out["members"].push_back({{"id", id}, {"name", member ? member->name : std::string()}});
        }
        add_limits(out, team.limits);
        add_models(out, team.models);
        return out;
    }
    [[nodiscard]] ApiResponse answer(int status, const Result<Team>& team) const {
        return team ? versioned_answer(status, json(*team), team->version) : problem(team.error());
    }
    [[nodiscard]] Result<Team> named(const ApiRequest& request) const {
        const auto& called = request.params.at("id");
        auto team = directory.team(request.principal.home(), called);
        if (team || team.error().code != ErrorCode::not_found) return team;
        return std::unexpected(directory.no_such_team(request.principal.home(), called));
    }
    [[nodiscard]] Result<Member> member_named(const ApiRequest& request) const {
        const auto& called = request.params.at("member");
        auto member = directory.member_of(request.principal.home(), MemberKind::user, called);
        if (member || member.error().code != ErrorCode::not_found) return member;
        member = directory.member_of(request.principal.home(), MemberKind::service, called);
        if (member || member.error().code != ErrorCode::not_found) return member;
        return std::unexpected(directory.no_such_member(request.principal.home(), called));
    }
    [[nodiscard]] static Result<std::string> name_from(const ApiRequest& request) {
        const auto body = object_from(request.body, {"name"});
        if (!body) return std::unexpected(body.error());
        return required_text_of(*body, "name");
    }

    // An organisation has few teams: they are read whole and shown in pages by name.
    [[nodiscard]] ApiResponse list(const ApiRequest& request) const {
        const auto page = page_from(request.query);
        if (!page) return problem(page.error());
        auto all = directory.teams(request.principal.home());
        if (!all) return problem(all.error());
        std::erase_if(*all, [&](const Team& team) { return team.name <= page->cursor; });
        return page_answer(
            *all, page->limit, [&](const Team& team) { return json(team); },
            [](const Team& team) { return team.name; });
    }
    [[nodiscard]] ApiResponse make(const ApiRequest& request) const {
        const auto name = name_from(request);
        if (!name) return problem(name.error());
        return answer(201, directory.create_team(request.principal.home(), *name));
    }
    [[nodiscard]] ApiResponse show(const ApiRequest& request) const { return answer(200, named(request)); }
    [[nodiscard]] ApiResponse change(const ApiRequest& request) const {
        const auto team = named(request);
        if (!team) return problem(team.error());
        const auto body = limited_body_from(request, {"name"}, Permission::change_limits);
        if (!body) return problem(body.error());
        const auto name = text_of(body->fields, "name");
        if (!name) return problem(name.error());
        return answer(200, directory.change_team(*team, *name, body->change, request.if_version));
    }
    [[nodiscard]] ApiResponse remove(const ApiRequest& request) const {
        const auto team = named(request);
        if (!team) return problem(team.error());
        if (auto done = directory.remove_team(*team, request.if_version); !done) return problem(done.error());
        if (auto done = keys.leave_team(team->id); !done) return problem(done.error());
        return no_content();
    }
    [[nodiscard]] ApiResponse join(const ApiRequest& request) const {
        const auto team = named(request);
        if (!team) return problem(team.error());
        const auto member = member_named(request);
        if (!member) return problem(member.error());
        if (auto ok = check_rank(request.principal.role, member->role); !ok) return problem(ok.error());
        return answer(200, directory.add_to_team(*team, member->id));
    }
    [[nodiscard]] ApiResponse leave(const ApiRequest& request) const {
        const auto team = named(request);
        if (!team) return problem(team.error());
        const auto member = member_named(request);
        if (!member) return problem(member.error());
        if (auto ok = check_rank(request.principal.role, member->role); !ok) return problem(ok.error());
        if (std::ranges::find(team->members, member->id) == team->members.end())
            return problem(404, "`" + member->name + "` is not in the team `" + team->name + "`");
        return answer(200, directory.take_from_team(*team, member->id));
    }
};

}  // namespace

std::vector<ApiRoute> team_routes(Directory& directory, Keys& keys) {
    const Teams teams{directory, keys};
    std::vector<ApiRoute> routes;
    const auto add = [&](Permission needed, const char* method, const char* path, const char* id, const char* summary,
                         ApiResponse (Teams::*handler)(const ApiRequest&) const) {
        routes.push_back(route_of(needed, method, path, id, summary,
                                  [teams, handler](const ApiRequest& request) { return (teams.*handler)(request); }));
        routes.back().response_schema = team_schema();
    };
    add(Permission::read_people, "GET", "/api/v1/teams", "listTeams", "Each team of the organisation", &Teams::list);
    routes.back().query = page_params();
    routes.back().response_schema = page_schema(team_schema());
    add(Permission::change_people, "POST", "/api/v1/teams", "createTeam", "Make a team", &Teams::make);
    routes.back().request_schema = name_schema;
    routes.back().success = 201;
    add(Permission::read_people, "GET", "/api/v1/teams/{id}", "getTeam", "One team, by id or name", &Teams::show);
    routes.back().resource.kind = "Team";
    add(Permission::change_people, "PATCH", "/api/v1/teams/{id}", "changeTeam",
        "Rename a team, or set limits for all its keys together and models for each", &Teams::change);
    routes.back().request_schema = team_change_schema();
    add(Permission::change_people, "DELETE", "/api/v1/teams/{id}", "removeTeam", "Remove a team; its keys stay",
        &Teams::remove);
    routes.back().success = 204;
    routes.back().response_schema.clear();
    add(Permission::change_people, "PUT", "/api/v1/teams/{id}/members/{member}", "addToTeam",
        "Put a member or service account into a team", &Teams::join);
    add(Permission::change_people, "DELETE", "/api/v1/teams/{id}/members/{member}", "takeFromTeam",
        "Take a member or service account out of a team", &Teams::leave);
    return routes;
}

}  // namespace lurus::identity
