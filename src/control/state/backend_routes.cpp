#include "control/state/backend_routes.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

#include "core/http/api_route.hpp"
#include "core/http/list_page.hpp"
#include "core/http/paging.hpp"
#include "core/http/problem.hpp"

namespace lurus::control {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view postgres_name = "postgres";

const ListShape backend_list{.id = {"name"}, .sorts = {"name"}};

constexpr const char* backend_schema =
    R"({"type":"object","required":["name","setting","mode","since","reason","backlog","at","mirror"],"properties":{
"name":{"enum":["postgres"]},
"setting":{"enum":["off","on","auto"],"description":"on: without it the node is not ready; off: as in an outage"},
"mode":{"enum":["off","online","offline","replaying"]},"since":{"type":"string","format":"date-time"},
"reason":{"type":["string","null"],"description":"why it is not online"},
"backlog":{"type":"integer","description":"changes of this node that it does not have yet"},
"at":{"type":["string","null"],"description":"where it is; null = not configured any more"},
"mirror":{"type":["string","null"],"format":"date-time","description":"when this node was last known to have all that it has"}}})";

constexpr const char* change_backend_schema =
    R"({"type":"object","required":["setting"],"additionalProperties":false,"properties":{
"setting":{"enum":["off","on","auto"]}}})";

constexpr const char* sync_schema =
    R"({"type":"object","required":["mode","reason","installation","number","mirror","mirror_age_seconds","backlog"],"properties":{
"mode":{"enum":["off","online","offline","replaying"],"description":"off as well where nothing is shared"},
"reason":{"type":["string","null"]},
"installation":{"type":["string","null"],"description":"id; null = the node has not seen one"},
"number":{"type":"integer","description":"of the last of the installation's commits that this node has"},
"mirror":{"type":["string","null"],"format":"date-time"},
"mirror_age_seconds":{"type":["integer","null"],"description":"since it was last known to have all; null = not in this run"},
"backlog":{"type":"object","required":["log","changes"],"properties":{
"log":{"type":"integer","description":"records that wait to be sent to the installation"},
"changes":{"type":"integer","description":"changes that do"}}}}})";

const ListShape node_list{.id = {"id"}, .sorts = {"started", "id", "seen"}};

constexpr const char* node_schema =
    R"({"type":"object","required":["id","started","seen","alive","version","modules","address"],"properties":{
"id":{"type":"string"},"started":{"type":"string","format":"date-time"},
"seen":{"type":"string","format":"date-time","description":"by the clock of the database"},
"alive":{"type":"boolean","description":"it was seen within fifteen seconds"},"version":{"type":"string"},
"modules":{"type":"array","items":{"type":"string"}},
"address":{"type":["string","null"],"description":"where it listens first"}}})";

constexpr const char* nothing_shared =
    "nothing is shared here: [postgres] url in lurus.toml names the database that nodes share";

Json text_or_none(const std::string& text) {
    return text.empty() ? Json(nullptr) : Json(text);
}

Json time_or_none(const std::optional<UnixMicros>& time) {
    return time ? Json(format_time(*time)) : Json(nullptr);
}

Json backend_json(const Sync& sync) {
    const BackendState state = sync.state();
    return {{"name", postgres_name},
            {"setting", name_of(state.setting)},
            {"mode", name_of(state.mode)},
            {"since", format_time(state.since)},
            {"reason", text_or_none(state.reason)},
            {"backlog", state.backlog},
            {"at", text_or_none(sync.shown())},
            {"mirror", time_or_none(state.mirror)}};
}

ApiResponse list_backends(const Sync* sync, const ApiRequest& request) {
    std::vector<Json> all;
    if (sync != nullptr) all.push_back(backend_json(*sync));
    const auto page = list_page(std::move(all), backend_list, request.query);
    return page ? json_response(*page) : problem(page.error());
}

ApiResponse no_such_backend(const std::string& name) {
    return problem(404, "there is no backend `" + name + "`; there may be: postgres");
}

ApiResponse show_backend(const Sync* sync, const ApiRequest& request) {
    const std::string& name = request.params.at("name");
    if (name != postgres_name) return no_such_backend(name);
    return sync == nullptr ? problem(404, nothing_shared) : json_response(backend_json(*sync));
}

ApiResponse change_backend(Sync* sync, const ApiRequest& request) {
    const std::string& name = request.params.at("name");
    if (name != postgres_name) return no_such_backend(name);
    const Json body = Json::parse(request.body, nullptr, false);
    if (!body.is_object() || body.size() != 1 || !body.contains("setting") || !body["setting"].is_string())
        return problem(400, "the body takes `setting` and nothing else");
    const auto setting = backend_setting_from(body["setting"].get_ref<const std::string&>());
    if (!setting) return problem(400, "`setting` must be off, on or auto");
    if (sync == nullptr) return problem(409, nothing_shared);
    if (auto done = sync->set(*setting); !done) return problem(done.error());
    return json_response(backend_json(*sync));
}

ApiResponse show_sync(Sync* sync, const Clock& clock) {
    BackendState state;
    SyncPlace place;
    state.reason = nothing_shared;
    if (sync != nullptr) {
        state = sync->state();
        auto found = sync->place();
        if (!found) return problem(found.error());
        place = *std::move(found);
    }
    const auto age = state.mirror ? Json((clock.now() - *state.mirror) / 1'000'000) : Json(nullptr);
    return json_response(Json{{"mode", name_of(state.mode)},
                              {"reason", text_or_none(state.reason)},
                              {"installation", text_or_none(place.installation)},
                              {"number", place.number},
                              {"mirror", time_or_none(state.mirror)},
                              {"mirror_age_seconds", age},
                              {"backlog", {{"log", 0}, {"changes", state.backlog}}}});
}

Json node_json(const NodeInfo& node) {
    Json modules = Json::array();
    for (std::string_view rest = node.modules; !rest.empty();) {
        const std::string_view one = rest.substr(0, rest.find(','));
        modules.push_back(one);
        rest.remove_prefix(std::min(rest.size(), one.size() + 1));
    }
    return {{"id", node.id},
            {"started", format_time(node.started)},
            {"seen", format_time(node.seen)},
            {"alive", node.alive},
            {"version", node.version},
            {"modules", std::move(modules)},
            {"address", text_or_none(node.address)}};
}

ApiResponse list_nodes(Sync* sync, const ApiRequest& request) {
    std::vector<Json> all;
    if (sync != nullptr) {
        const auto nodes = sync->nodes();
        if (!nodes) return problem(nodes.error());
        for (const auto& node : *nodes) all.push_back(node_json(node));
    }
    const auto page = list_page(std::move(all), node_list, request.query);
    return page ? json_response(*page) : problem(page.error());
}

ApiResponse forget_node(Sync* sync, const ApiRequest& request) {
    if (sync == nullptr) return problem(409, nothing_shared);
    if (auto done = sync->forget_node(request.params.at("id")); !done) return problem(done.error());
    ApiResponse response;
    response.status = 204;
    return response;
}

}  // namespace

std::vector<ApiRoute> backend_routes(Sync* sync, const Clock& clock) {
    std::vector<ApiRoute> all;
    all.push_back(api_route(Permission::read_installation, "GET", "/api/v1/backends", "listBackends",
                            "What this node shares with others, and how that does", page_schema(backend_schema),
                            [sync](const ApiRequest& request) { return list_backends(sync, request); }));
    all.back().query = list_params(backend_list);
    all.push_back(api_route(Permission::read_installation, "GET", "/api/v1/backends/{name}", "getBackend",
                            "One backend", backend_schema,
                            [sync](const ApiRequest& request) { return show_backend(sync, request); }));
    all.back().resource.unversioned = {"mode", "since", "reason", "backlog", "mirror"};
    all.push_back(api_route(Permission::operate, "PUT", "/api/v1/backends/{name}", "setBackend",
                            "Whether this node uses a backend; kept over restarts, and possible while it is away",
                            backend_schema,
                            [sync](const ApiRequest& request) { return change_backend(sync, request); }));
    all.back().request_schema = change_backend_schema;
    all.back().own_node = true;
    all.push_back(api_route(Permission::read_installation, "GET", "/api/v1/sync", "getSync",
                            "How far this node and its installation know of one another", sync_schema,
                            [sync, &clock](const ApiRequest&) { return show_sync(sync, clock); }));
    all.push_back(api_route(Permission::read_installation, "GET", "/api/v1/nodes", "listNodes",
                            "The processes that share the installation; none where nothing is shared",
                            page_schema(node_schema),
                            [sync](const ApiRequest& request) { return list_nodes(sync, request); }));
    all.back().query = list_params(node_list);
    all.push_back(api_route(Permission::operate, "DELETE", "/api/v1/nodes/{id}", "forgetNode",
                            "Forget a node that is gone for good", "",
                            [sync](const ApiRequest& request) { return forget_node(sync, request); }));
    all.back().success = 204;
    return all;
}

}  // namespace lurus::control
