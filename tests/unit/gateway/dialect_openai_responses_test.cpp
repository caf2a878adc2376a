#include <doctest/doctest.h>

#include "tests/unit/gateway/dialect_support.hpp"

using namespace lurus;
using namespace lurus::gateway;

TEST_CASE("openai-responses: its paths, with and without the version") {
    constexpr Dialect self = Dialect::openai_responses;
    for (const char* path : {"/v1/responses", "/responses", "/responses/compact", "/v1/responses/r1/cancel"})
        CHECK(takes(self, path));
    for (const char* path : {"/v1/responses/r1", "/responses/r1/input_items"})
        CHECK(takes(self, path, HttpMethod::get));
    for (const char* path : {"responses", "/v1/responsesx", "/v1/v1/responses", "/v1/responses/r1/other"})
        CHECK_FALSE(takes(self, path));
    CHECK(endpoint_of("/v1/responses/compact").answer.metered);
    CHECK_FALSE(endpoint_of("/v1/responses/input_tokens").answer.metered);
    // What another request asked for may not be booked yet; its list of inputs is free.
    CHECK(endpoint_of("/v1/responses/r1", "GET").answer.background);
    CHECK(endpoint_of("/v1/responses/r1/cancel").answer.background);
    CHECK_FALSE(endpoint_of("/v1/responses/r1/input_items", "GET").answer.metered);
    CHECK_FALSE(endpoint_of("/v1/responses/r1", "DELETE").answer.metered);
}

TEST_CASE("openai-responses: the last event ends it and carries the usage") {
    AnswerReader reader = read_stream("/v1/responses",
                                      "event: response.created\n"
                                      "data: {\"type\":\"response.created\",\"response\":{\"usage\":null}}\n\n");
    const auto feed = [&](std::string_view data) { return reader.feed("data: " + std::string(data) + "\n\n"); };
    CHECK_FALSE(feed(R"({"type":"response.in_progress"})").semantic);
    CHECK(feed(R"({"type":"response.output_text.delta","delta":"a"})").semantic);
    feed(R"({"type":"response.output_item.added","item":{"type":"web_search_call","action":{"type":"search"}}})");
    feed(R"({"type":"response.output_item.done","item":{"type":"web_search_call","action":{"type":"search"}}})");
    CHECK_FALSE(reader.complete());
    CHECK(feed(R"({"type":"response.completed","response":{"usage":{"input_tokens":5,"output_tokens":6}}})").terminal ==
          0);
    CHECK(reader.complete());
    CHECK(reader.usage().input == 5);
    CHECK(reader.usage().web_searches == 1);
}

TEST_CASE("openai-responses: a failed response is an error that ends it") {
    const AnswerReader reader = read_stream(
        "/v1/responses",
        R"(data: {"type":"response.failed","response":{"error":{"code":"rate_limit_exceeded","message":"slow down"}}})"
        "\n\n");
    CHECK(reader.error_type() == "rate_limit_exceeded");
    CHECK(reader.error_message() == "slow down");
    CHECK(reader.complete());
}
