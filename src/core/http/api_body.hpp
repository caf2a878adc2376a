#pragma once
// Fields of a request's JSON body, each refusal naming the field.

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lurus/api.hpp"
#include "lurus/result.hpp"

namespace lurus {

/// `invalid_argument`: "`field` must be expected".
Error wrong_field(std::string_view field, std::string_view expected);

/// The body as an object that has none but these fields.
Result<nlohmann::json> object_from(std::string_view body, const std::vector<std::string_view>& fields);

/// Empty optional: the field is absent.
Result<std::optional<std::string>> text_of(const nlohmann::json& body, const char* field);
Result<std::optional<std::vector<std::string>>> texts_of(const nlohmann::json& body, const char* field);
Result<std::optional<bool>> flag_of(const nlohmann::json& body, const char* field);

/// A field that must be there.
Result<std::string> required_text_of(const nlohmann::json& body, const char* field);

ApiResponse json_answer(int status, const nlohmann::ordered_json& body);
ApiResponse no_content();

/// A query's value; empty optional when it is absent.
std::optional<std::string> query_of(const ApiRequest& request, const std::string& name);

/// A route that takes and answers nothing yet.
ApiRoute route_of(Permission needed, std::string method, std::string path, std::string operation, std::string summary,
                  std::function<ApiResponse(const ApiRequest&)> handler);

}  // namespace lurus
