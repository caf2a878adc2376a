#include "core/http/api_body.hpp"

#include <algorithm>

#include "core/http/api_route.hpp"

namespace lurus {

using nlohmann::json;

Error wrong_field(std::string_view field, std::string_view expected) {
    return Error(ErrorCode::invalid_argument, "`" + std::string(field) + "` must be " + std::string(expected));
}

Result<json> object_from(std::string_view body, const std::vector<std::string_view>& fields) {
    json parsed;
    try {
        parsed = json::parse(body);
    } catch (const json::parse_error& e) {
        return fail(ErrorCode::invalid_argument, "the body is not JSON (byte " + std::to_string(e.byte) + ")");
    }
    if (!parsed.is_object()) return fail(ErrorCode::invalid_argument, "the body must be a JSON object");
    for (const auto& [name, value] : parsed.items()) {
        if (std::ranges::find(fields, std::string_view(name)) != fields.end()) continue;
        std::string known;
        for (const auto field : fields) known += (known.empty() ? "`" : ", `") + std::string(field) + "`";
        return fail(ErrorCode::invalid_argument, "there is no field `" + name + "` here; known are " + known);
    }
    return parsed;
}

Result<std::optional<std::string>> text_of(const json& body, const char* field) {
    const auto at = body.find(field);
    if (at == body.end()) return std::nullopt;
    if (!at->is_string()) return std::unexpected(wrong_field(field, "a string"));
    return at->get<std::string>();
}

Result<std::optional<std::vector<std::string>>> texts_of(const json& body, const char* field) {
    const auto at = body.find(field);
    if (at == body.end()) return std::nullopt;
    std::vector<std::string> out;
    if (!at->is_array()) return std::unexpected(wrong_field(field, "an array of strings"));
    for (const auto& value : *at) {
        if (!value.is_string()) return std::unexpected(wrong_field(field, "an array of strings"));
        out.push_back(value.get<std::string>());
    }
    return out;
}

Result<std::optional<bool>> flag_of(const json& body, const char* field) {
    const auto at = body.find(field);
    if (at == body.end()) return std::nullopt;
    if (!at->is_boolean()) return std::unexpected(wrong_field(field, "true or false"));
    return at->get<bool>();
}

Result<std::string> required_text_of(const json& body, const char* field) {
    auto text = text_of(body, field);
    if (!text) return std::unexpected(text.error());
    if (!*text) return fail(ErrorCode::invalid_argument, "`" + std::string(field) + "` is missing");
    return **std::move(text);
}

ApiResponse json_answer(int status, const nlohmann::ordered_json& body) {
    return json_response(body, status);
}

ApiResponse no_content() {
    ApiResponse response;
    response.status = 204;
    return response;
}

std::optional<std::string> query_of(const ApiRequest& request, const std::string& name) {
    const auto at = request.query.find(name);
    return at == request.query.end() ? std::nullopt : std::optional(at->second);
}

ApiRoute route_of(Permission needed, std::string method, std::string path, std::string operation, std::string summary,
                  std::function<ApiResponse(const ApiRequest&)> handler) {
    return api_route(needed, std::move(method), std::move(path), std::move(operation), std::move(summary), {},
                     std::move(handler));
}

}  // namespace lurus
