#include "core/problem.hpp"
#include "modules/identity/key_json.hpp"
#include "modules/identity/keys.hpp"

namespace lurus::identity {
namespace {

ApiResponse answer(int status, const nlohmann::ordered_json& body) {
    ApiResponse response;
    response.status = status;
    response.body = body.dump();
    return response;
}

ApiResponse list(Keys& keys, const ApiRequest&) {
    const auto all = keys.list_keys();
    if (!all) return problem(all.error());
    const UnixMicros now = keys.clock().now();
    nlohmann::ordered_json body;
    body["data"] = nlohmann::ordered_json::array();
    for (const auto& key : *all) body["data"].push_back(json_of(key, now));
    return answer(200, body);
}

ApiResponse create(Keys& keys, const ApiRequest& request) {
    const UnixMicros now = keys.clock().now();
    const auto wanted = new_key_from(request.body, now);
    if (!wanted) return problem(wanted.error());
    const auto created = keys.create_key(*wanted);
    if (!created) return problem(created.error());
    nlohmann::ordered_json body;
    body["key"] = created->key.reveal();
    body.update(json_of(created->info, now));
    return answer(201, body);
}

ApiResponse show(Keys& keys, const ApiRequest& request) {
    const auto key = keys.get(request.params.at("id"));
    if (!key) return problem(key.error());
    return answer(200, json_of(*key, keys.clock().now()));
}

ApiResponse change(Keys& keys, const ApiRequest& request) {
    const UnixMicros now = keys.clock().now();
    const auto wanted = key_change_from(request.body, now);
    if (!wanted) return problem(wanted.error());
    const auto changed = keys.change(request.params.at("id"), *wanted);
    if (!changed) return problem(changed.error());
    return answer(200, json_of(*changed, now));
}

ApiResponse revoke(Keys& keys, const ApiRequest& request) {
    if (const auto done = keys.revoke_key(request.params.at("id")); !done) return problem(done.error());
    ApiResponse response;
    response.status = 204;
    return response;
}

using Handler = ApiResponse (*)(Keys&, const ApiRequest&);

ApiRoute route(Permission needed, Keys& keys, std::string method, std::string path, std::string operation,
               std::string summary, Handler handler) {
    ApiRoute out(needed);
    out.method = std::move(method);
    out.path = std::move(path);
    out.operation_id = std::move(operation);
    out.summary = std::move(summary);
    out.handler = [&keys, handler](const ApiRequest& request) { return handler(keys, request); };
    return out;
}

}  // namespace

std::vector<ApiRoute> key_routes(Keys& keys) {
    std::vector<ApiRoute> routes;
    routes.push_back(
        route(Permission::read_keys, keys, "GET", "/api/v1/keys", "listKeys", "All keys that are not revoked", list));
    routes.back().response_schema = key_list_schema();
    routes.push_back(route(Permission::change_keys, keys, "POST", "/api/v1/keys", "createKey",
                           "Make a key; the answer shows it this once", create));
    routes.back().request_schema = new_key_schema();
    routes.back().response_schema = created_key_schema();
    routes.back().success = 201;
    routes.push_back(
        route(Permission::read_keys, keys, "GET", "/api/v1/keys/{id}", "getKey", "One key, by id or name", show));
    routes.back().response_schema = key_schema();
    routes.push_back(route(Permission::change_keys, keys, "PATCH", "/api/v1/keys/{id}", "changeKey",
                           "Change a stored key, by id or name", change));
    routes.back().request_schema = key_change_schema();
    routes.back().response_schema = key_schema();
    routes.push_back(route(Permission::change_keys, keys, "DELETE", "/api/v1/keys/{id}", "revokeKey",
                           "Revoke a stored key for good, by id or name", revoke));
    routes.back().success = 204;
    return routes;
}

}  // namespace lurus::identity
