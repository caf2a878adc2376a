#include "modules/gateway/answer/dialect_text.hpp"

#include "core/json/json_scan.hpp"
#include "lurus/clock.hpp"

namespace lurus::gateway {
namespace {

// Error types by status, as the vendors' SDKs map them to their exception classes.
struct StatusWords {
    int status;
    std::string_view anthropic;
    std::string_view openai_type;
    std::string_view openai_code;  // empty = null
    std::string_view gemini;
};

constexpr StatusWords words[] = {
    {400, "invalid_request_error", "invalid_request_error", "", "INVALID_ARGUMENT"},
    {401, "authentication_error", "invalid_request_error", "invalid_api_key", "UNAUTHENTICATED"},
    {402, "billing_error", "insufficient_quota", "insufficient_quota", "RESOURCE_EXHAUSTED"},
    {403, "permission_error", "invalid_request_error", "permission_denied", "PERMISSION_DENIED"},
    {404, "not_found_error", "invalid_request_error", "not_found", "NOT_FOUND"},
    {405, "invalid_request_error", "invalid_request_error", "method_not_allowed", "INVALID_ARGUMENT"},
    {408, "timeout_error", "server_error", "request_timeout", "DEADLINE_EXCEEDED"},
    {409, "invalid_request_error", "invalid_request_error", "conflict", "ABORTED"},
    {413, "request_too_large", "invalid_request_error", "request_too_large", "INVALID_ARGUMENT"},
    {429, "rate_limit_error", "rate_limit_error", "rate_limit_exceeded", "RESOURCE_EXHAUSTED"},
    {500, "api_error", "server_error", "", "INTERNAL"},
    {501, "api_error", "server_error", "", "UNIMPLEMENTED"},
    {502, "api_error", "server_error", "bad_gateway", "UNAVAILABLE"},
    {503, "overloaded_error", "server_error", "service_unavailable", "UNAVAILABLE"},
    {504, "timeout_error", "server_error", "gateway_timeout", "DEADLINE_EXCEEDED"},
    {529, "overloaded_error", "server_error", "overloaded", "UNAVAILABLE"},
};

const StatusWords& words_for(int status) {
    for (const StatusWords& entry : words) {
        if (entry.status == status) return entry;
    }
    return status < 500 ? words[0] : words_for(500);
}

std::string code_json(std::string_view code) {
    return code.empty() ? "null" : json::quote(code);
}

std::string with_trace(std::string_view message, const Id& trace_id) {
    return std::string(message) + " (trace " + trace_id.hex() + ")";
}

std::string created_text(UnixMicros time) {
    // Anthropic's form: RFC 3339 in whole seconds.
    std::string text = format_time(time);
    const std::size_t dot = text.find('.');
    return dot == std::string::npos ? text : text.substr(0, dot) + "Z";
}

std::string anthropic_model(const ModelEntry& model) {
    return R"({"type":"model","id":)" + json::quote(model.id) + R"(,"display_name":)" + json::quote(model.id) +
           R"(,"created_at":")" + created_text(model.created) + "\"}";
}

std::string openai_model(const ModelEntry& model) {
    return R"({"id":)" + json::quote(model.id) + R"(,"object":"model","created":)" +
           std::to_string(model.created / 1'000'000) + R"(,"owned_by":)" + json::quote(model.owner) + "}";
}

std::string gemini_model(const ModelEntry& model) {
    return R"({"name":)" + json::quote("models/" + model.id) + R"(,"baseModelId":)" + json::quote(model.id) +
           R"(,"displayName":)" + json::quote(model.id) +
           R"(,"supportedGenerationMethods":["generateContent","streamGenerateContent","countTokens","embedContent"]})";
}

std::string responses_failure(int status, const std::string& message, const Id& trace_id) {
    const StatusWords& w = words_for(status);
    // Codes that the Responses API defines; clients retry on both.
    const std::string code = status == 429   ? "\"rate_limit_exceeded\""
                             : status >= 500 ? "\"server_error\""
                                             : code_json(w.openai_code);
    const std::string text = json::quote(message);
    // The vendor's own order: SDKs raise on `error`, Codex ends its turn on `response.failed`.
    return "event: error\ndata: {\"type\":\"error\",\"sequence_number\":0,\"code\":" + code + ",\"message\":" + text +
           ",\"param\":null,\"error\":{\"type\":" + json::quote(w.openai_type) + ",\"code\":" + code +
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

std::string error_body(Family family, int status, std::string_view message, const Id& trace_id) {
    const StatusWords& w = words_for(status);
    const std::string text = json::quote(with_trace(message, trace_id));
    switch (family) {
        case Family::anthropic:
            return R"({"type":"error","error":{"type":)" + json::quote(w.anthropic) + R"(,"message":)" + text +
                   R"(},"request_id":")" + trace_id.hex() + "\"}";
        case Family::gemini:
            return R"({"error":{"code":)" + std::to_string(status) + R"(,"message":)" + text + R"(,"status":)" +
                   json::quote(w.gemini) + "}}";
        case Family::openai: break;
    }
    return R"({"error":{"message":)" + text + R"(,"type":)" + json::quote(w.openai_type) + R"(,"param":null,"code":)" +
           code_json(w.openai_code) + "}}";
}

std::string stream_error(const Endpoint& endpoint, bool array, int status, std::string_view message,
                         const Id& trace_id) {
    switch (endpoint.dialect) {
        case Dialect::anthropic:
            return "event: error\ndata: " + error_body(Family::anthropic, status, message, trace_id) + "\n\n";
        case Dialect::openai_responses: return responses_failure(status, with_trace(message, trace_id), trace_id);
        case Dialect::gemini: {
            const std::string body = error_body(Family::gemini, status, message, trace_id);
            return array ? ",\r\n" + body + "\r\n]" : "data: " + body + "\r\n\r\n";
        }
        case Dialect::openai_chat:
        case Dialect::openai: break;
    }
    // No `[DONE]` after it: a client that reads over errors must not take the cut answer for a whole one.
    return "data: " + error_body(Family::openai, status, message, trace_id) + "\n\n";
}

std::string_view keepalive(const Endpoint& endpoint, bool array) {
    switch (endpoint.dialect) {
        case Dialect::anthropic: return "event: ping\ndata: {\"type\": \"ping\"}\n\n";
        // Google's SDKs take an empty event everywhere, but some of their versions stumble over a comment.
        case Dialect::gemini: return array ? "\r\n" : "\r\n\r\n";
        case Dialect::openai_chat:
        case Dialect::openai_responses:
        case Dialect::openai: return ": keepalive\n\n";
    }
    return {};
}

std::string models_body(Family family, const std::vector<ModelEntry>& models) {
    std::string list;
    for (const ModelEntry& model : models) {
        if (!list.empty()) list += ',';
        list += model_body(family, model);
    }
    switch (family) {
        case Family::anthropic:
            return R"({"data":[)" + list + R"(],"has_more":false,"first_id":)" +
                   (models.empty() ? "null" : json::quote(models.front().id)) + R"(,"last_id":)" +
                   (models.empty() ? "null" : json::quote(models.back().id)) + "}";
        case Family::gemini: return R"({"models":[)" + list + "]}";
        case Family::openai: break;
    }
    return R"({"object":"list","data":[)" + list + "]}";
}

std::string model_body(Family family, const ModelEntry& model) {
    switch (family) {
        case Family::anthropic: return anthropic_model(model);
        case Family::gemini: return gemini_model(model);
        case Family::openai: break;
    }
    return openai_model(model);
}

}  // namespace lurus::gateway
