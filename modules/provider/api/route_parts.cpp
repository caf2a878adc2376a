#include "modules/provider/api/route_parts.hpp"

#include "core/http/problem.hpp"
#include "core/text/glob.hpp"

namespace lurus::provider {

using nlohmann::ordered_json;

std::string param(const ApiRequest& request, const char* name) {
    const auto found = request.params.find(name);
    return found == request.params.end() ? std::string() : found->second;
}

ApiResponse page(std::vector<ordered_json> entries, const ListShape& shape, const ApiRequest& request,
                 const char* old_name) {
    auto body = list_page(std::move(entries), shape, request.query);
    if (!body) return problem(body.error());
    (*body)[old_name] = (*body)["data"];
    return json_response(*body);
}

bool asked(const ApiRequest& request, const char* name, const ordered_json& entry) {
    const auto wanted = request.query.find(name);
    if (wanted == request.query.end()) return true;
    return entry[name].is_string() && glob_match(wanted->second, entry[name].get<std::string>());
}

std::vector<ApiParam> params_of(const ListShape& shape, const std::vector<const char*>& filters) {
    std::vector<ApiParam> all = list_params(shape);
    for (const char* name : filters)
        all.push_back(ApiParam{name, R"({"type":"string"})", "Only these; * and ? are wildcards"});
    return all;
}

ApiRoute with_body(ApiRoute route, int success, const char* request_schema) {
    route.success = success;
    route.request_schema = request_schema;
    return route;
}

}  // namespace lurus::provider
