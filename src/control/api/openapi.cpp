#include "control/api/openapi.hpp"

#include <nlohmann/json.hpp>
#include <set>

#include "control/api/dispatcher.hpp"
#include "control/steps/guards.hpp"
#include "core/text/ascii.hpp"

namespace lurus::control {
namespace {

using Json = nlohmann::ordered_json;

Json schema_of(const std::string& text) {
    Json schema = Json::parse(text, nullptr, false);
    return schema.is_discarded() ? Json::object() : schema;
}

std::string tag_of(const ApiRoute& route) {
    if (!route.tag.empty()) return route.tag;
    std::string_view path = route.path;
    if (path.starts_with(api_root)) path.remove_prefix(api_root.size());
    return std::string(path.substr(0, path.find('/')));
}

Json ref_to(std::string_view kind, std::string_view name) {
    return {{"$ref", "#/components/" + std::string(kind) + "/" + std::string(name)}};
}

Json parameters_of(const ApiRoute& route, const std::vector<ApiRoute>& routes) {
    Json out = Json::array();
    std::string_view rest = route.path;
    for (auto open = rest.find('{'); open != std::string_view::npos; open = rest.find('{')) {
        const auto close = rest.find('}', open);
        out.push_back({{"name", rest.substr(open + 1, close - open - 1)},
                       {"in", "path"},
                       {"required", true},
                       {"schema", {{"type", "string"}}}});
        rest.remove_prefix(close + 1);
    }
    bool has_org = route.is_public();
    for (const auto& param : route.query) {
        Json entry{{"name", param.name}, {"in", "query"}};
        if (!param.description.empty()) entry["description"] = param.description;
        entry["schema"] = schema_of(param.schema);
        out.push_back(std::move(entry));
        has_org = has_org || param.name == "org";
    }
    if (!has_org) out.push_back(ref_to("parameters", "Organisation"));
    if (reader_of(route, routes) != nullptr)
        out.push_back(ref_to("parameters", route.method == "GET" ? "IfNoneMatch" : "IfMatch"));
    if (route.changes() && !route.is_public() && !route.own_node) out.push_back(ref_to("parameters", "IdempotencyKey"));
    return out;
}

// What any route may answer beside its own; `default` is the rest.
Json problems_of(const ApiRoute& route, const std::vector<ApiRoute>& routes) {
    std::vector<int> statuses{400};
    if (!route.is_public()) statuses.insert(statuses.end(), {401, 403});
    if (route.path.contains('{')) statuses.push_back(404);
    if (route.changes()) statuses.push_back(409);
    if (route.method != "GET" && reader_of(route, routes) != nullptr) statuses.push_back(412);
    if (route.changes() && !route.is_public() && !route.own_node) statuses.push_back(422);
    statuses.insert(statuses.end(), {429, 503});
    Json out = Json::object();
    for (const int status : statuses) out[std::to_string(status)] = ref_to("responses", "Problem");
    out["default"] = ref_to("responses", "Problem");
    return out;
}

Json operation_of(const ApiRoute& route, const std::vector<ApiRoute>& routes) {
    Json out{{"operationId", route.operation_id}, {"summary", route.summary}, {"tags", {tag_of(route)}}};
    out["x-permission"] = name_of(route.permission);
    if (Json parameters = parameters_of(route, routes); !parameters.empty()) out["parameters"] = std::move(parameters);
    if (!route.request_schema.empty()) {
        out["requestBody"] = {{"required", true},
                              {"content", {{"application/json", {{"schema", schema_of(route.request_schema)}}}}}};
    }
    Json success{{"description", route.summary}};
    if (!route.response_schema.empty()) {
        success["content"][route.content_type]["schema"] = schema_of(route.response_schema);
    }
    const bool versioned = reader_of(route, routes) != nullptr;
    if (versioned && route.method != "DELETE") success["headers"]["ETag"] = ref_to("headers", "ETag");
    Json responses;
    responses[std::to_string(route.success)] = std::move(success);
    if (versioned && route.method == "GET")
        responses["304"] = {{"description", "It is still the version that If-None-Match names"}};
    responses.update(problems_of(route, routes));
    out["responses"] = std::move(responses);
    if (route.is_public()) out["security"] = Json::array();
    return out;
}

Json tags_of(const std::vector<ApiRoute>& routes) {
    Json out = Json::array();
    std::set<std::string> seen;
    for (const auto& route : routes) {
        if (seen.insert(tag_of(route)).second) out.push_back({{"name", tag_of(route)}});
    }
    return out;
}

Json header_parameter(const char* name, const char* description) {
    return {{"name", name}, {"in", "header"}, {"description", description}, {"schema", {{"type", "string"}}}};
}

Json components() {
    Json out;
    out["securitySchemes"]["admin_token"] = {{"type", "http"},
                                             {"scheme", "bearer"},
                                             {"description", "The text of admin.token in the server's data folder."}};
    out["securitySchemes"]["access_token"] = {
        {"type", "http"},
        {"scheme", "bearer"},
        {"bearerFormat", "JWT"},
        {"description", "`access_token` of a sign-in or a refresh, or a service account's token."}};
    out["securitySchemes"]["session"] = {{"type", "apiKey"},
                                         {"in", "cookie"},
                                         {"name", "__Host-lurus_session"},
                                         {"description", "A browser's session; changes need the same origin."}};
    out["parameters"]["Organisation"] = {{"name", "org"},
                                         {"in", "query"},
                                         {"description",
                                          "The organisation acted in, by id or name; else the first "
                                          "one that was joined"},
                                         {"schema", {{"type", "string"}}}};
    out["parameters"]["IfMatch"] =
        header_parameter("If-Match", "The ETag that was read: changed meanwhile, it is 412 and nothing is done");
    out["parameters"]["IfNoneMatch"] = header_parameter("If-None-Match", "The ETag that is known: 304 when it holds");
    out["parameters"]["IdempotencyKey"] = header_parameter(
        "Idempotency-Key",
        "At most 255 characters. Sent again within 24 hours, the request is not done again but answered again");
    out["headers"]["ETag"] = {{"description", "The version that is shown"}, {"schema", {{"type", "string"}}}};
    out["responses"]["Problem"] = {
        {"description", "What was wrong, where, and what to do (RFC 9457)."},
        {"content", {{"application/problem+json", {{"schema", ref_to("schemas", "Problem")}}}}}};
    out["schemas"]["Problem"] = {
        {"type", "object"},
        {"required", {"type", "title", "status", "detail"}},
        {"properties",
         {{"type", {{"type", "string"}}},
          {"title", {{"type", "string"}}},
          {"status", {{"type", "integer"}}},
          {"detail", {{"type", "string"}}},
          {"subject",
           {{"type", "object"},
            {"description", "the thing that was wrong"},
            {"required", {"kind", "name"}},
            {"properties", {{"kind", {{"type", "string"}}}, {"name", {{"type", "string"}}}}}}}}}};
    return out;
}

}  // namespace

std::string openapi_document(const std::vector<ApiRoute>& routes, std::string_view version,
                             std::string_view server_url) {
    Json doc;
    doc["openapi"] = "3.1.0";
    doc["info"] = {{"title", "Lurus Switch management API"},
                   {"version", version},
                   {"license", {{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}}};
    doc["servers"] = Json::array({Json{{"url", server_url}}});
    doc["security"] = Json::array();
    for (const char* scheme : {"admin_token", "access_token", "session"})
        doc["security"].push_back(Json{{scheme, Json::array()}});
    doc["tags"] = tags_of(routes);
    doc["paths"] = Json::object();
    for (const auto& route : routes) {
        doc["paths"][route.path][lower_case(route.method)] = operation_of(route, routes);
    }
    doc["components"] = components();
    return doc.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace lurus::control
