#include "modules/gateway/dialect/own_answers.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace own_answers_test {

using namespace lurus;
using namespace lurus::gateway;
using nlohmann::json;

namespace {

const Id trace = *Id::parse("0192f0c1a2b37c4d8e5f60718293a4b5");
const std::string message = "no \"model\" here\n";
const std::string message_with_trace = "no \"model\" here\n (trace 0192f0c1a2b37c4d8e5f60718293a4b5)";

Endpoint at(std::string_view target) {
    return *match_endpoint("POST", target, {}, false).endpoint;
}

}  // namespace

TEST_CASE("dialect text: Anthropic errors") {
    const auto type = [](int status) {
        return json::parse(error_body(Family::anthropic, status, message, trace))["error"]["type"];
    };
    CHECK(type(400) == "invalid_request_error");
    CHECK(type(401) == "authentication_error");
    CHECK(type(403) == "permission_error");
    CHECK(type(404) == "not_found_error");
    CHECK(type(413) == "request_too_large");
    CHECK(type(429) == "rate_limit_error");
    CHECK(type(500) == "api_error");
    CHECK(type(503) == "overloaded_error");
    CHECK(type(504) == "timeout_error");
    CHECK(type(529) == "overloaded_error");
    CHECK(type(418) == "invalid_request_error");
    CHECK(type(599) == "api_error");
    const json body = json::parse(error_body(Family::anthropic, 401, message, trace));
    CHECK(body["type"] == "error");
    CHECK(body["error"]["message"] == message_with_trace);
    CHECK(body["request_id"] == trace.hex());
}

TEST_CASE("dialect text: OpenAI and Gemini errors") {
    const json openai = json::parse(error_body(Family::openai, 401, message, trace));
    CHECK(openai["error"]["message"] == message_with_trace);
    CHECK(openai["error"]["type"] == "invalid_request_error");
    CHECK(openai["error"]["code"] == "invalid_api_key");
    CHECK(openai["error"]["param"].is_null());
    CHECK(json::parse(error_body(Family::openai, 400, message, trace))["error"]["code"].is_null());
    const json gemini = json::parse(error_body(Family::gemini, 429, message, trace));
    CHECK(gemini["error"]["code"] == 429);
    CHECK(gemini["error"]["status"] == "RESOURCE_EXHAUSTED");
    CHECK(gemini["error"]["message"] == message_with_trace);
}

TEST_CASE("dialect text: errors inside a stream") {
    const std::string anthropic = stream_error(at("/v1/messages"), false, 504, message, trace);
    CHECK(anthropic.starts_with("event: error\ndata: {"));
    CHECK(anthropic.ends_with("}\n\n"));
    CHECK(json::parse(anthropic.substr(anthropic.find('{')))["error"]["type"] == "timeout_error");

    const std::string chat = stream_error(at("/v1/chat/completions"), false, 502, message, trace);
    CHECK(chat.starts_with("data: {\"error\":"));
    CHECK(chat.find("[DONE]") == std::string::npos);

    const std::string responses = stream_error(at("/v1/responses"), false, 503, message, trace);
    CHECK(responses.starts_with("event: error\ndata: "));
    const std::size_t second = responses.find("event: response.failed\ndata: ");
    REQUIRE(second != std::string::npos);
    const json error = json::parse(responses.substr(19, second - 19));
    CHECK(error["type"] == "error");
    CHECK(error["code"] == "server_error");
    CHECK(error["message"] == message_with_trace);
    const json failed = json::parse(responses.substr(responses.find('{', second)));
    CHECK(failed["type"] == "response.failed");
    CHECK(failed["response"]["status"] == "failed");
    CHECK(failed["response"]["error"]["message"] == message_with_trace);

    const std::string sse = stream_error(at("/v1beta/models/m:streamGenerateContent"), false, 503, message, trace);
    CHECK(sse.starts_with("data: {"));
    CHECK(sse.ends_with("}\r\n\r\n"));
    const std::string array = stream_error(at("/v1beta/models/m:streamGenerateContent"), true, 503, message, trace);
    CHECK(json::parse("[{}" + array)[1]["error"]["status"] == "UNAVAILABLE");
}

TEST_CASE("dialect text: keepalives mean nothing") {
    CHECK(keepalive(at("/v1/messages"), false) == "event: ping\ndata: {\"type\": \"ping\"}\n\n");
    CHECK(keepalive(at("/v1/chat/completions"), false).starts_with(":"));
    CHECK(keepalive(at("/v1/responses"), false).starts_with(":"));
    CHECK(keepalive(at("/v1beta/models/m:streamGenerateContent"), false) == "\r\n\r\n");
    CHECK(json::parse("[{}," + std::string(keepalive(at("/v1beta/models/m:streamGenerateContent"), true)) + "{}]")
              .size() == 2);
}

TEST_CASE("dialect text: clients that stumble over a keepalive get none") {
    const auto takes = [](std::string_view target, std::string_view client) {
        http1::RequestHead head;
        if (!client.empty()) head.fields.push_back(http1::Field{"X-Goog-Api-Client", client});
        return takes_keepalive(at(target), head);
    };
    constexpr std::string_view gemini = "/v1beta/models/m:streamGenerateContent?alt=sse";
    CHECK(takes(gemini, ""));
    CHECK(takes(gemini, "google-genai-sdk/3.1.0 gl-node/v22.1.0"));
    CHECK_FALSE(takes(gemini, "genai-js/0.24.1"));
    CHECK_FALSE(takes(gemini, "gl-js/ fire/11.6.0"));
    CHECK(takes("/v1/messages", "genai-js/0.24.1"));
}

TEST_CASE("dialect text: model lists") {
    const std::vector<ModelEntry> models{{.id = "a\"1", .owner = "p1", .created = 1'700'000'000'000'000},
                                         {.id = "b", .owner = "p2"}};
    const json openai = json::parse(models_body(Family::openai, models));
    CHECK(openai["object"] == "list");
    CHECK(openai["data"][0]["id"] == "a\"1");
    CHECK(openai["data"][0]["created"] == 1'700'000'000);
    CHECK(openai["data"][1]["owned_by"] == "p2");
    const json anthropic = json::parse(models_body(Family::anthropic, models));
    CHECK(anthropic["data"][0]["type"] == "model");
    CHECK(anthropic["data"][0]["created_at"] == "2023-11-14T22:13:20Z");
    CHECK(anthropic["has_more"] == false);
    CHECK(anthropic["first_id"] == "a\"1");
    CHECK(anthropic["last_id"] == "b");
    const json gemini = json::parse(models_body(Family::gemini, models));
    CHECK(gemini["models"][1]["name"] == "models/b");
    CHECK(json::parse(models_body(Family::anthropic, {}))["first_id"].is_null());
    CHECK(json::parse(models_body(Family::openai, {}))["data"].empty());
    CHECK(json::parse(model_body(Family::openai, models[1]))["id"] == "b");
}

}  // namespace own_answers_test
