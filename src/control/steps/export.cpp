#include "control/steps/export.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "core/http/problem.hpp"

namespace lurus::control {
namespace {

using Json = nlohmann::ordered_json;
using Handler = std::function<ApiResponse(const ApiRequest&)>;

constexpr int entries_a_piece = 100;

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

/// What is told of a person, entry by entry.
struct AuditPlace {
    std::vector<std::string> names;
    std::int64_t after = 0;
    bool any = false;  // an entry was told
    bool ended = false;
};

// The list's elements out of the next entries. A line's end where none of these is about the person: nothing at all
// would be the end.
Result<ApiPiece> next_entries(Audit& audit, AuditPlace& place) {
    if (place.ended) return ApiPiece();
    const auto found = audit.read_after(place.after, entries_a_piece);
    if (!found) return std::unexpected(found.error());
    place.ended = found->empty();
    if (place.ended) return ApiPiece("]}");
    place.after = found->back().number;
    ApiPiece piece;
    for (const auto& entry : *found) {
        const bool own = std::ranges::find(place.names, entry.actor) != place.names.end();
        const bool about = std::ranges::any_of(place.names, [&](const std::string& name) {
            return entry.target.find(name) != std::string::npos || entry.after.find(name) != std::string::npos;
        });
        if (!own && !about) continue;
        if (std::exchange(place.any, true)) piece.bytes += ',';
        piece.bytes += json_of(entry, own).dump(-1, ' ', false, Json::error_handler_t::replace);
    }
    if (piece.bytes.empty()) piece.bytes = "\n";
    return piece;
}

/// A route whose answer is a part of the export.
struct Part {
    std::string name;
    std::vector<std::string> without;
    Handler handler;
};

// The audit comes last and in pieces: it is what grows.
ApiResponse completed(ApiResponse exported, const std::vector<Part>& parts, Audit& audit, ApiRequest request) {
    if (exported.status != 200) return exported;
    Json all = Json::parse(exported.body);
    request.principal = Principal();
    request.principal.kind = Principal::Kind::user;
    request.principal.user = all.at("user").at("id");
    for (const auto& part : parts) {
        const ApiResponse answer = part.handler(request);
        if (answer.status != 200) return answer;
        Json data = Json::parse(answer.body).at("data");
        for (auto& one : data) {
            for (const auto& member : part.without) one.erase(member);
        }
        all[part.name] = std::move(data);
    }
    AuditPlace place;
    place.names = names_of(all);
    if (const auto readable = audit.read_after(0, 1); !readable) return problem(readable.error());
    std::string head = all.dump(-1, ' ', false, Json::error_handler_t::replace);
    head.pop_back();
    head += R"(,"audit":[)";
    exported.body.clear();
    exported.stream = [&audit, place = std::move(place), head = std::move(head)]() mutable -> Result<ApiPiece> {
        if (!head.empty()) return ApiPiece(std::exchange(head, {}));
        return next_entries(audit, place);
    };
    return exported;
}

}  // namespace

void complete_exports(std::vector<ApiRoute>& routes, Audit& audit) {
    std::vector<Part> parts;
    for (const auto& route : routes) {
        const auto& [person, part, without] = route.person_export;
        if (!part.empty()) parts.push_back({part, without, route.handler});
    }
    for (auto& route : routes) {
        if (!route.person_export.person) continue;
        route.handler = [inner = route.handler, parts, &audit](const ApiRequest& request) {
            return completed(inner(request), parts, audit, request);
        };
    }
}

}  // namespace lurus::control
