#pragma once
// Reading the management API's answers: absent and null both mean unknown.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace lurus {

/// Keeps the order of members, so that what is printed reads as it was sent.
using Json = nlohmann::ordered_json;

/// The member, or a null.
const Json& member(const Json& object, std::string_view name);
/// Empty when it is absent or no string.
std::string text_of(const Json& object, std::string_view name);
std::optional<std::int64_t> number_of(const Json& object, std::string_view name);
bool flag_of(const Json& object, std::string_view name);
/// The list in an answer: the value itself, its `data`, else its first array (`providers`, `routes` ...).
const Json& list_of(const Json& body);
/// Strings of an array, joined: `a, b`.
std::string joined(const Json& array, std::string_view separator = ", ");
/// On one line; text that is not UTF-8 is replaced, never thrown about.
std::string dump(const Json& value);

}  // namespace lurus
