#include "app/openapi.hpp"

#include <nlohmann/json.hpp>

#include "app/api_dispatch.hpp"

namespace lurus::app {
namespace {

using Json = nlohmann::ordered_json;

Json schema_of(const std::string& text) {
    Json schema = Json::parse(text, nullptr, false);
    return schema.is_discarded() ? Json::object() : schema;
}

// `/api/v1/keys/{id}` belongs to `keys`.
std::string tag_of(std::string_view path) {
    constexpr std::string_view root = "/api/v1/";
    if (path.starts_with(root)) path.remove_prefix(root.size());
    path = path.substr(0, path.find('/'));
    return std::string(path.ends_with(".json") ? std::string_view("server") : path);
}

Json parameters_of(const ApiRoute& route) {
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
    for (const auto& param : route.query) {
        Json entry{{"name", param.name}, {"in", "query"}};
        if (!param.description.empty()) entry["description"] = param.description;
        entry["schema"] = schema_of(param.schema);
        out.push_back(std::move(entry));
    }
    return out;
}

Json operation_of(const ApiRoute& route) {
    Json out{{"operationId", route.operation_id}, {"summary", route.summary}, {"tags", {tag_of(route.path)}}};
    if (Json parameters = parameters_of(route); !parameters.empty()) out["parameters"] = std::move(parameters);
    if (!route.request_schema.empty()) {
        out["requestBody"] = {{"required", true},
                              {"content", {{"application/json", {{"schema", schema_of(route.request_schema)}}}}}};
    }
    Json success{{"description", route.summary}};
    if (!route.response_schema.empty()) {
        success["content"]["application/json"]["schema"] = schema_of(route.response_schema);
    }
    out["responses"][std::to_string(route.success)] = std::move(success);
    out["responses"]["default"] = {{"$ref", "#/components/responses/Problem"}};
    if (route.is_public()) out["security"] = Json::array();
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
    doc["security"] = Json::array({Json{{"admin_token", Json::array()}}});
    doc["paths"] = Json::object();
    for (const auto& route : routes) {
        std::string method = route.method;
        for (char& c : method) c = static_cast<char>(c - 'A' + 'a');
        doc["paths"][route.path][method] = operation_of(route);
    }
    doc["components"]["securitySchemes"]["admin_token"] = {
        {"type", "http"},
        {"scheme", "bearer"},
        {"description", "The text of admin.token in the server's data folder."}};
    doc["components"]["responses"]["Problem"] = {
        {"description", "What was wrong, where, and what to do (RFC 9457)."},
        {"content", {{"application/problem+json", {{"schema", {{"$ref", "#/components/schemas/Problem"}}}}}}}};
    doc["components"]["schemas"]["Problem"] = {{"type", "object"},
                                               {"required", {"type", "title", "status", "detail"}},
                                               {"properties",
                                                {{"type", {{"type", "string"}}},
                                                 {"title", {{"type", "string"}}},
                                                 {"status", {{"type", "integer"}}},
                                                 {"detail", {{"type", "string"}}}}}};
    return doc.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace lurus::app
