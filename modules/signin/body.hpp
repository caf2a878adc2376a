#pragma once
// What came in a request's body: an object whose fields are known and of their kind.

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "core/http/api_body.hpp"
#include "lurus/api.hpp"
#include "lurus/result.hpp"
#include "lurus/secret.hpp"

namespace lurus::signin {

/// Fields are texts unless their name ends in `?` (true or false), `#` (an integer) or `[]` (texts). A name that begins
/// with `!` is required. `invalid_argument` names the field, never its value.
Result<nlohmann::json> body_of(const ApiRequest& request, std::initializer_list<std::string_view> fields);

/// Empty when the field is absent.
std::string text_in(const nlohmann::json& body, const char* field);
bool flag_in(const nlohmann::json& body, const char* field);

}  // namespace lurus::signin
