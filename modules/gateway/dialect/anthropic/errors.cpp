#include "core/json/json_scan.hpp"
#include "modules/gateway/dialect/anthropic/anthropic.hpp"
#include "modules/gateway/dialect/status_words.hpp"

namespace lurus::gateway::anthropic {
namespace {

// As the vendor's SDKs map them to their exception classes.
struct StatusType {
    int status;
    std::string_view type;
};

constexpr StatusType types[] = {
    {400, "invalid_request_error"},
    {401, "authentication_error"},
    {402, "billing_error"},
    {403, "permission_error"},
    {404, "not_found_error"},
    {405, "invalid_request_error"},
    {408, "timeout_error"},
    {409, "invalid_request_error"},
    {413, "request_too_large"},
    {429, "rate_limit_error"},
    {500, "api_error"},
    {501, "api_error"},
    {502, "api_error"},
    {503, "overloaded_error"},
    {504, "timeout_error"},
    {529, "overloaded_error"},
};

std::string body(int status, std::string_view message, const Id& trace_id) {
    return R"({"type":"error","error":{"type":)" + json::quote(words_for(types, status).type) + R"(,"message":)" +
           json::quote(message) + R"(},"request_id":")" + trace_id.hex() + "\"}";
}

std::string in_stream(bool /*array*/, int status, std::string_view message, const Id& trace_id) {
    return "event: error\ndata: " + body(status, message, trace_id) + "\n\n";
}

}  // namespace

constinit const ErrorRules errors{
    .body = body, .in_stream = in_stream, .keepalive = "event: ping\ndata: {\"type\": \"ping\"}\n\n"};

}  // namespace lurus::gateway::anthropic
