#pragma once
// Small readings of an answer's JSON: errors in the vendors' many shapes, an event's type, a key's value.

#include <cstddef>
#include <string>
#include <string_view>

namespace lurus::gateway {

/// An error as the record keeps it.
struct ErrorText {
    std::string type;  // never empty when there is an error
    std::string message;
};

/// Members beside or instead of an `error` object, as raw JSON values; empty = absent.
struct ErrorMembers {
    std::string type, object, message, code, detail;

    void clear();
};

/// The value of an `error` member: an object or a text. Null, false, empty: no error.
ErrorText read_error(std::string_view value);
/// An error told without one: `{"object":"error","message":...}`, `{"detail":...}`, `{"code":...,"message":...}`.
ErrorText read_error(const ErrorMembers& members);

/// Null, "", [], {} or nothing.
bool is_empty_value(std::string_view value);

/// As much of a text as is kept of an error, an id or a name.
inline constexpr std::size_t max_kept_text = 2048;

constexpr std::string_view after_space(std::string_view text) {
    std::size_t at = 0;
    while (at < text.size() && (text[at] == ' ' || text[at] == '\t' || text[at] == '\r' || text[at] == '\n')) ++at;
    return text.substr(at);
}

/// What stands behind a key and its colon; empty when there is no colon.
constexpr std::string_view value_after(std::string_view text) {
    text = after_space(text);
    return text.starts_with(':') ? after_space(text.substr(1)) : std::string_view{};
}

/// The `type` of an event whose first member it is; else empty.
std::string_view event_type(std::string_view data);

}  // namespace lurus::gateway
