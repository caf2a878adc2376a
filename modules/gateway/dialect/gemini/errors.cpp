#include "core/json/json_scan.hpp"
#include "modules/gateway/dialect/gemini/gemini.hpp"
#include "modules/gateway/dialect/status_words.hpp"

namespace lurus::gateway::gemini {
namespace {

// google.rpc.Code, as the vendor's SDKs read it.
struct StatusCode {
    int status;
    std::string_view code;
};

constexpr StatusCode codes[] = {
    {400, "INVALID_ARGUMENT"}, {401, "UNAUTHENTICATED"},    {402, "RESOURCE_EXHAUSTED"}, {403, "PERMISSION_DENIED"},
    {404, "NOT_FOUND"},        {405, "INVALID_ARGUMENT"},   {408, "DEADLINE_EXCEEDED"},  {409, "ABORTED"},
    {413, "INVALID_ARGUMENT"}, {429, "RESOURCE_EXHAUSTED"}, {500, "INTERNAL"},           {501, "UNIMPLEMENTED"},
    {502, "UNAVAILABLE"},      {503, "UNAVAILABLE"},        {504, "DEADLINE_EXCEEDED"},  {529, "UNAVAILABLE"},
};

std::string body(int status, std::string_view message, const Id& /*trace_id*/) {
    return R"({"error":{"code":)" + std::to_string(status) + R"(,"message":)" + json::quote(message) + R"(,"status":)" +
           json::quote(words_for(codes, status).code) + "}}";
}

std::string in_stream(bool array, int status, std::string_view message, const Id& trace_id) {
    const std::string error = body(status, message, trace_id);
    return array ? ",\r\n" + error + "\r\n]" : "data: " + error + "\r\n\r\n";
}

}  // namespace

// Google's SDKs take an empty event everywhere, but some of their versions stumble over a comment. Those whose stream
// is `data: ` and nothing else between two events (@google/generative-ai, Firebase) fail at either.
constexpr std::string_view strict_clients[] = {"genai-js/", " fire/"};

constinit const ErrorRules errors{.body = body,
                                  .in_stream = in_stream,
                                  .keepalive = "\r\n\r\n",
                                  .array_keepalive = "\r\n",
                                  .no_keepalive = strict_clients};

}  // namespace lurus::gateway::gemini
