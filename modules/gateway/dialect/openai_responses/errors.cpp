#include "core/json/json_scan.hpp"
#include "modules/gateway/dialect/openai/openai.hpp"
#include "modules/gateway/dialect/openai_responses/openai_responses.hpp"

namespace lurus::gateway::openai_responses {
namespace {

std::string in_stream(bool /*array*/, int status, std::string_view message, const Id& trace_id) {
    const openai::ErrorNames named = openai::error_names(status);
    // Codes that the Responses API defines; clients retry on both.
    const std::string code = status == 429   ? "\"rate_limit_exceeded\""
                             : status >= 500 ? "\"server_error\""
                                             : named.code;
    const std::string text = json::quote(message);
    // The vendor's own order: SDKs raise on `error`, Codex ends its turn on `response.failed`.
    return "event: error\ndata: {\"type\":\"error\",\"sequence_number\":0,\"code\":" + code + ",\"message\":" + text +
           ",\"param\":null,\"error\":{\"type\":" + json::quote(named.type) + ",\"code\":" + code +
           ",\"message\":" + text +
           ",\"param\":null}}\n\n"
           "event: response.failed\ndata: "
           "{\"type\":\"response.failed\",\"sequence_number\":1,\"response\":{\"id\":\"resp_" +
           trace_id.hex() + "\",\"object\":\"response\",\"created_at\":" + std::to_string(trace_id.unix_ms() / 1000) +
           ",\"status\":\"failed\",\"error\":{\"code\":" + (code == "null" ? "\"server_error\"" : code) +
           ",\"message\":" + text +
           "},\"incomplete_details\":null,\"instructions\":null,\"max_output_tokens\":null,\"model\":\"\",\"output\":[]"
           ","
           "\"parallel_tool_calls\":true,\"previous_response_id\":null,\"temperature\":null,\"tool_choice\":\"auto\","
           "\"tools\":[],"
           "\"top_p\":null,\"usage\":null,\"metadata\":{}}}\n\n";
}

}  // namespace

constinit const ErrorRules errors{.body = openai::error_body, .in_stream = in_stream, .keepalive = ": keepalive\n\n"};

}  // namespace lurus::gateway::openai_responses
