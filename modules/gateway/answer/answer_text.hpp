#pragma once
// Small readings of an answer's JSON: errors in the vendors' many shapes, an event's type, whether an event can matter.

#include <string>
#include <string_view>

namespace lurus::gateway {

struct ErrorText {
    std::string type;  // never empty when there is an error
    std::string message;
};

/// Members beside or instead of an `error` object, as raw JSON values; empty = absent.
struct ErrorWords {
    std::string type, object, message, code, detail;

    void clear();
};

/// The value of an `error` member: an object or a text. Null, false, empty: no error.
ErrorText read_error(std::string_view value);
/// An error told without one: `{"object":"error","message":...}`, `{"detail":...}`, `{"code":...,"message":...}`.
ErrorText read_error(const ErrorWords& words);

/// Null, "", [], {} or nothing.
bool is_empty_value(std::string_view value);

/// The `type` of an event whose first member it is; else empty.
std::string_view event_type(std::string_view data);

/// False when a chat chunk certainly holds neither usage nor an error nor a finish reason; costs a fraction of reading
/// it.
bool chat_chunk_matters(std::string_view data);

}  // namespace lurus::gateway
