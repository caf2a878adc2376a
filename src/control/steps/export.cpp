#include "control/steps/export.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "core/http/problem.hpp"

namespace lurus::app {
namespace {

using Json = nlohmann::ordered_json;
using Handler = std::function<ApiResponse(const ApiRequest&)>;

/// How entries may call them: their address, their id, those of their memberships.
std::vector<std::string> names_of(const Json& exported) {
    std::vector<std::string> names = {exported.at("user").at("id"), exported.at("user").at("email")};
    for (const auto& place : exported.at("memberships")) names.push_back(place.at("id"));
    return names;
}

// What was before and after may tell of others, and who else did something is theirs.
Json json_of(const AuditEntry& entry, bool own) {
    Json out = {{"number", entry.number}, {"time", format_time(entry.time)}, {"action", entry.action},
                {"target", entry.target}, {"status", entry.status},          {"by_themselves", own}};
    if (own) {
        out["remote_address"] = entry.remote_address;
        out["user_agent"] = entry.user_agent;
    }
    return out;
}

Result<Json> audit_of(Audit& audit, const Json& exported) {
    const auto names = names_of(exported);
    Json out = Json::array();
    const auto done = audit.read_all([&](const AuditEntry& entry) {
        const bool own = std::ranges::find(names, entry.actor) != names.end();
        const bool about = std::ranges::any_of(names, [&](const std::string& name) {
            return entry.target.find(name) != std::string::npos || entry.after.find(name) != std::string::npos;
        });
        if (own || about) out.push_back(json_of(entry, own));
        return true;
    });
    if (!done) return std::unexpected(done.error());
    return out;
}

ApiResponse completed(const ApiResponse& exported, const Handler& sessions, Audit& audit, ApiRequest request) {
    if (exported.status != 200) return exported;
    Json all = Json::parse(exported.body);
    request.principal = Principal();
    request.principal.kind = Principal::Kind::user;
    request.principal.user = all.at("user").at("id");
    const ApiResponse live = sessions(request);
    if (live.status != 200) return live;
    all["sessions"] = Json::parse(live.body).at("data");
    for (auto& session : all["sessions"]) session.erase("current");
    auto entries = audit_of(audit, all);
    if (!entries) return problem(entries.error());
    all["audit"] = *std::move(entries);
    ApiResponse out = exported;
    out.body = all.dump(-1, ' ', false, Json::error_handler_t::replace);
    return out;
}

}  // namespace

void complete_exports(std::vector<ApiRoute>& routes, Audit& audit) {
    const auto lister = std::ranges::find(routes, "listSessions", &ApiRoute::operation_id);
    if (lister == routes.end()) return;
    const Handler sessions = lister->handler;
    for (auto& route : routes) {
        if (route.operation_id != "exportUser" && route.operation_id != "exportMe") continue;
        route.handler = [inner = route.handler, sessions, &audit](const ApiRequest& request) {
            return completed(inner(request), sessions, audit, request);
        };
    }
}

}  // namespace lurus::app
