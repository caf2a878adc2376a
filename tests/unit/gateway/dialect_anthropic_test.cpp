#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/gateway/dialect_support.hpp"

using namespace lurus;
using namespace lurus::gateway;

TEST_CASE("anthropic: its paths and no others") {
    CHECK(takes(Dialect::anthropic, "/v1/messages"));
    CHECK(takes(Dialect::anthropic, "/v1/messages/count_tokens"));
    CHECK(takes(Dialect::anthropic, "/v1/messages/batches"));
    CHECK_FALSE(takes(Dialect::anthropic, "/v1/messages", HttpMethod::get));
    for (const char* path :
         {"/v1/messagesx", "/v1/messages/batchesx", "/v1beta/messages", "/messages", "/v1/responses"})
        CHECK_FALSE(takes(Dialect::anthropic, path));
    CHECK(endpoint_of("/v1/messages").answer.metered);
    CHECK_FALSE(endpoint_of("/v1/messages/count_tokens").answer.metered);
}

TEST_CASE("anthropic: usage comes in parts, and a zero in the last event takes nothing back") {
    AnswerReader reader = read_stream(
        "/v1/messages",
        "event: message_start\n"
        R"(data: {"type":"message_start","message":{"usage":{"input_tokens":10,"cache_read_input_tokens":4,"output_tokens":1}}})"
        "\n\n");
    CHECK_FALSE(reader.feed("event: ping\ndata: {\"type\":\"ping\"}\n\n").semantic);
    CHECK(reader.feed("event: content_block_delta\ndata: {\"type\":\"content_block_delta\"}\n\n").semantic);
    CHECK_FALSE(reader.complete());
    reader.feed(
        "data: {\"type\":\"message_delta\",\"usage\":{\"input_tokens\":0,\"output_tokens\":7}}\n\n"
        "data: {\"type\":\"message_stop\"}\n\n");
    CHECK(reader.complete());
    CHECK(reader.usage().input == 10);
    CHECK(reader.usage().cache_read == 4);
    CHECK(reader.usage().output == 7);
}

TEST_CASE("anthropic: an error event, with and without its name") {
    for (const char* name : {"event: error\n", ""}) {
        const AnswerReader reader = read_stream(
            "/v1/messages", std::string(name) +
                                R"(data: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}})"
                                "\n\n");
        CHECK(reader.error_type() == "overloaded_error");
        CHECK(reader.error_message() == "Overloaded");
    }
}

TEST_CASE("anthropic: only its own field says how long the answer may be") {
    const auto scan = [](std::string_view body) {
        return scan_request(endpoint_of("/v1/messages"), "application/json", body).max_output;
    };
    CHECK(scan(R"({"model":"m","max_tokens":5})") == 5);
    CHECK_FALSE(scan(R"({"model":"m","max_completion_tokens":5,"generationConfig":{"maxOutputTokens":5}})"));
}
