#pragma once
// What the demo says, before any dialect: the same for the same question.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lurus::provider::demo {

using nlohmann::json;
using nlohmann::ordered_json;

struct Tool {
    std::string name;
    std::string space;  // the namespace it was offered in, or empty
    std::string description;
    json schema = json::object();
    bool custom = false;  // takes free text
};

enum class ToolUse : std::uint8_t { allowed, forbidden };

/// A question in any dialect.
struct Ask {
    std::string model;
    std::string user_text;    // the last thing the user said
    std::string tool_result;  // what came back, when the last message is a tool's result
    bool after_tool = false;
    std::vector<Tool> tools;
    std::string wanted_tool;  // the one that must be called, or empty
    ToolUse tool_use = ToolUse::allowed;
    bool think = false;
    bool json_mode = false;
    json schema;                    // null, or the answer must match it
    std::int64_t max_tokens = 0;    // 0 = no limit
    std::int64_t input_tokens = 0;  // all that the model reads
    std::string seed;               // ids are made of it
};

struct ToolCall {
    Tool tool;
    json arguments = json::object();
    std::string input;  // of a custom tool
    [[nodiscard]] std::string text() const;
};

struct Plan {
    std::string thinking;
    std::string text;
    std::optional<ToolCall> call;
    bool cut = false;  // max_tokens was reached
    std::int64_t thinking_tokens = 0;
    std::int64_t output_tokens = 0;  // includes thinking
};

Plan plan(const Ask& ask);

/// A quarter of the characters, at least 1; what is a picture or a file counts a fixed number.
std::int64_t tokens_of(std::string_view text);
std::int64_t tokens_in(const json& value);

/// The text in pieces of a few words; together they are the text.
std::vector<std::string> pieces(std::string_view text);

/// `prefix` and `length` characters that depend on the seed and the salt only.
std::string make_id(std::string_view prefix, std::string_view seed, std::string_view salt, std::size_t length = 24);
/// What looks like an encrypted blob, in base64.
std::string make_blob(std::string_view seed, std::string_view salt, std::size_t bytes = 96);

/// A value that matches the schema, as far as a demo can. `all`: optional properties too.
json value_for(const json& schema, bool all);

/// Whole UTF-8 characters, at most `bytes`, one line.
std::string excerpt(std::string_view text, std::size_t bytes);

/// The dump that never throws.
template <class Json>
std::string dump(const Json& value) {
    return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// Reads of a value that may be absent or of another type.
std::string text_at(const json& object, std::string_view key);
std::int64_t number_at(const json& object, std::string_view key);
bool flag_at(const json& object, std::string_view key);
/// Null when absent.
const json& at(const json& value, std::string_view key);

}  // namespace lurus::provider::demo
