// Who asks, for themselves.
#include "core/http/api_body.hpp"
#include "core/http/problem.hpp"
#include "modules/identity/routes.hpp"

namespace lurus::identity {
namespace {

constexpr std::string_view me_schema =
    R"({"type":"object","required":["kind","name","role","permissions","organisations","teams"],"properties":{)"
    R"("kind":{"enum":["admin_token","user","service"]},"user":{"type":"string"},"member":{"type":"string"},)"
    R"("name":{"type":"string","description":"address, or the service account's name"},"org":{"type":["string","null"]},)"
    R"("role":{"enum":["viewer","member","admin","owner"]},"permissions":{"type":"array","items":{"type":"string"}},)"
    R"("organisations":{"type":"array","items":{"type":"object"}},"teams":{"type":"array","items":{"type":"object"}}}})";

ApiResponse me(Directory& directory, const ApiRequest& request) {
    const Principal& who = request.principal;
    nlohmann::ordered_json out;
    out["kind"] = name_of(who.kind);
    if (!who.user.empty()) out["user"] = who.user;
    if (!who.member.empty()) out["member"] = who.member;
    out["name"] = who.name;
    out["org"] = who.org.empty() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(who.org);
    out["role"] = name_of(who.role);
    out["permissions"] = nlohmann::ordered_json::array();
    for (int i = 0; i < permission_count; ++i) {
        const auto permission = static_cast<Permission>(i);
        if (who.may(permission)) out["permissions"].push_back(name_of(permission));
    }
    out["organisations"] = nlohmann::ordered_json::array();
    if (!who.user.empty()) {
        const auto memberships = directory.memberships(who.user);
        if (!memberships) return problem(memberships.error());
        for (const auto& member : *memberships) {
            out["organisations"].push_back(
                {{"id", member.org}, {"name", member.org_name}, {"role", name_of(member.role)}, {"member", member.id}});
        }
    }
    out["teams"] = nlohmann::ordered_json::array();
    if (!who.member.empty()) {
        const auto teams = directory.teams_of(who.member);
        if (!teams) return problem(teams.error());
        for (const auto& id : *teams) {
            const auto team = directory.team(who.org, id);
            if (team) out["teams"].push_back({{"id", id}, {"name", team->name}});
        }
    }
    return json_answer(200, out);
}

ApiResponse export_me(Directory& directory, Keys& keys, const ApiRequest& request) {
    if (request.principal.kind != Principal::Kind::user) return problem(403, "only people have something to export");
    const auto user = directory.find(request.principal.user);
    if (!user) return problem(user.error());
    const auto all = export_of(directory, keys, *user);
    return all ? json_answer(200, *all) : problem(all.error());
}

}  // namespace

std::vector<ApiRoute> me_routes(Directory& directory, Keys& keys) {
    std::vector<ApiRoute> routes;
    routes.push_back(route_of(Permission::signed_in, "GET", "/api/v1/me", "getMe", "Who asks, and what they may do",
                              [&directory](const ApiRequest& request) { return me(directory, request); }));
    routes.back().response_schema = me_schema;
    routes.push_back(
        route_of(Permission::signed_in, "GET", "/api/v1/me/export", "exportMe", "All that is kept of who asks",
                 [&directory, &keys](const ApiRequest& request) { return export_me(directory, keys, request); }));
    routes.back().person_export.person = true;
    routes.back().response_schema = R"({"type":"object"})";
    return routes;
}

}  // namespace lurus::identity
