#include "core/json/json_scan.hpp"
#include "modules/gateway/dialect/openai/openai.hpp"
#include "modules/gateway/dialect/status_words.hpp"

namespace lurus::gateway::openai {
namespace {

// As the vendor's SDKs map them to their exception classes.
struct StatusNames {
    int status;
    std::string_view type;
    std::string_view code;  // empty = null
};

constexpr StatusNames names[] = {
    {400, "invalid_request_error", ""},
    {401, "invalid_request_error", "invalid_api_key"},
    {402, "insufficient_quota", "insufficient_quota"},
    {403, "invalid_request_error", "permission_denied"},
    {404, "invalid_request_error", "not_found"},
    {405, "invalid_request_error", "method_not_allowed"},
    {408, "server_error", "request_timeout"},
    {409, "invalid_request_error", "conflict"},
    {413, "invalid_request_error", "request_too_large"},
    {429, "rate_limit_error", "rate_limit_exceeded"},
    {500, "server_error", ""},
    {501, "server_error", ""},
    {502, "server_error", "bad_gateway"},
    {503, "server_error", "service_unavailable"},
    {504, "server_error", "gateway_timeout"},
    {529, "server_error", "overloaded"},
};

}  // namespace

ErrorNames error_names(int status) {
    const StatusNames& found = words_for(names, status);
    return {found.type, found.code.empty() ? "null" : json::quote(found.code)};
}

std::string error_body(int status, std::string_view message, const Id& /*trace_id*/) {
    const ErrorNames named = error_names(status);
    return R"({"error":{"message":)" + json::quote(message) + R"(,"type":)" + json::quote(named.type) +
           R"(,"param":null,"code":)" + named.code + "}}";
}

std::string stream_error(bool /*array*/, int status, std::string_view message, const Id& trace_id) {
    // No `[DONE]` after it: a client that reads over errors must not take the cut answer for a whole one.
    return "data: " + error_body(status, message, trace_id) + "\n\n";
}

constinit const ErrorRules errors{.body = error_body, .in_stream = stream_error, .keepalive = ": keepalive\n\n"};

}  // namespace lurus::gateway::openai
