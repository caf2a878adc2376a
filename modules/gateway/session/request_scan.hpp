#pragma once
// What the gateway must know of a request's body, read in one strict pass without a DOM. The body stays as it is.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "modules/gateway/session/endpoint.hpp"

namespace lurus::gateway {

/// A range of the body, and what stands in its place upstream. No text = nothing is to be changed.
struct BodyEdit {
    std::size_t begin = 0;
    std::size_t end = 0;
    std::string_view text;
};

struct RequestFacts {
    std::string model;            // unescaped; empty = none was named
    std::size_t model_begin = 0;  // the range to splice: a JSON string with its quotes, or a form field's bare bytes
    std::size_t model_end = 0;    // equal to begin = nothing to splice
    bool model_is_json = true;    // false: a form field, spliced without quoting
    bool stream = false;
    bool keeps = true;                       // Responses: false where `store` says so
    std::optional<std::int64_t> max_output;  // tokens that the answer may have, where the body says so
    BodyEdit ask_usage;       // asks the vendor of a chat's stream for its usage, which the client has not
    bool background = false;  // the answer is to be made behind, and fetched later
    std::string session;      // metadata.user_id's session, prompt_cache_key, conversation ..., empty = none
    // Bad body: a text such as `unexpected end of JSON at byte 17`, else empty.
    std::string error;
    std::size_t error_offset = 0;
    // Other models that may be asked (NamedModels), where rules go by models.
    std::vector<std::string> also;
};

/// Duplicate keys: the last `model` and `stream` win, as in the vendors' parsers; every `model` range but the last
/// stays. Never throws; nesting deeper than 512 is an error. About 1 GB/s on long strings.
RequestFacts scan_request(const Endpoint& endpoint, std::string_view content_type, std::string_view body);

/// Bytes of pictures and files inside a JSON body (`data:...;base64,...`, or beside `"type":"base64"`): they are no
/// text, of which tokens could be estimated. Of each some bytes are left, as of a picture's usual tokens.
std::size_t files_bytes_of(std::string_view body);

/// Session from headers: `x-claude-code-session-id`, `session_id`, `session-id`, `conversation_id`, `thread-id`,
/// `x-session-id` ... `name` in any case. Higher is better; 0 = not a session header.
int session_header_rank(std::string_view name);

/// `"model"` as a JSON string with its quotes and escapes.
std::string quote_json(std::string_view text);

}  // namespace lurus::gateway
