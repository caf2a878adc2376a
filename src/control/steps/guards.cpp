#include "control/steps/guards.hpp"

#include <algorithm>

#include "control/api/etag.hpp"
#include "core/http/problem.hpp"

namespace lurus::control {
namespace {

bool is_json(const ApiResponse& response) {
    return response.status == 200 && !response.stream && response.content_type == "application/json";
}

// `/api/v1/keys/{id}` and `/api/v1/keys/{id}/rotate` are of one.
std::string_view collection_of(std::string_view path) {
    return path.substr(0, path.find('{'));
}

}  // namespace

const ApiRoute* reader_of(const ApiRoute& route, const std::vector<ApiRoute>& routes) {
    if (!route.path.ends_with('}') || route.is_public()) return nullptr;
    const auto found = std::ranges::find_if(
        routes, [&](const ApiRoute& other) { return other.method == "GET" && other.path == route.path; });
    return found == routes.end() ? nullptr : &*found;
}

void ApiGuards::set_routes(const std::vector<ApiRoute>& routes) {
    readers_.clear();
    for (const auto& route : routes) readers_.emplace(&route, reader_of(route, routes));
}

ApiResponse ApiGuards::run(const ApiRoute& route, const ApiRequest& request, const Next& next) {
    if (route.method == "GET") return read(route, request, next);
    if (!route.changes()) return next(route, request);
    // A change to a file that is not there any more would be answered as done, and lost.
    if (const auto ok = databases_.check_changes(); !ok) return problem(503, ok.error().message);
    const auto work = [&] { return route.method == "POST" ? next(route, request) : change(route, request, next); };
    const std::string key(request.header("idempotency-key"));
    // Nobody but its sender may see an answer again, and who is not signed in is nobody in particular.
    if (key.empty() || route.is_public() || route.own_node) return work();
    return idempotency_.run(request, key, work);
}

ApiResponse ApiGuards::read(const ApiRoute& route, const ApiRequest& request, const Next& next) const {
    ApiResponse response = next(route, request);
    const auto reader = readers_.find(&route);
    if (reader == readers_.end() || reader->second == nullptr || !is_json(response)) return response;
    const std::string etag = etag_of(response, route.resource.unversioned);
    if (etag_matches(request.header("if-none-match"), etag, Comparison::weak)) {
        response = ApiResponse();
        response.status = 304;
    }
    response.headers.emplace_back("etag", etag);
    return response;
}

ApiResponse ApiGuards::change(const ApiRoute& route, const ApiRequest& request, const Next& next) {
    const auto reader = readers_.find(&route);
    const ApiRoute* shown_by = reader == readers_.end() ? nullptr : reader->second;
    const std::string_view wanted = request.header("if-match");
    ApiRequest conditional = request;
    const std::scoped_lock lock(
        collections_[std::hash<std::string_view>()(collection_of(route.path)) % collections_.size()]);
    const auto show = [&] {
        ApiRequest look = request;
        look.method = "GET";
        look.body.clear();
        return shown_by->handler(look);
    };
    if (!wanted.empty()) {
        if (shown_by == nullptr) return problem(412, "this has no versions: send it without If-Match");
        const ApiResponse before = show();
        if (before.status >= 500) return before;
        if (!is_json(before) ||
            !etag_matches(wanted, etag_of(before, shown_by->resource.unversioned), Comparison::strong)) {
            return problem(412, "it is not the version that If-Match names: read it again, then change that");
        }
        if (before.version && wanted != "*") conditional.if_version = before.version;
    }
    ApiResponse response = next(route, conditional);
    if (shown_by == nullptr || route.method == "DELETE" || response.status != 200) return response;
    if (response.version) {
        response.headers.emplace_back("etag", etag_of(response, shown_by->resource.unversioned));
    } else if (const ApiResponse after = show(); is_json(after)) {
        response.headers.emplace_back("etag", etag_of(after, shown_by->resource.unversioned));
    }
    return response;
}

}  // namespace lurus::control
