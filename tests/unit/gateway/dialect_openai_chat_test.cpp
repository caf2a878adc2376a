#include <doctest/doctest.h>

#include "tests/unit/gateway/dialect_support.hpp"

using namespace lurus;
using namespace lurus::gateway;

TEST_CASE("openai-chat: its path, and completions, whose chunks it reads") {
    CHECK(takes(Dialect::openai_chat, "/v1/chat/completions"));
    CHECK_FALSE(takes(Dialect::openai_chat, "/v1/chat/completions", HttpMethod::get));
    CHECK_FALSE(takes(Dialect::openai_chat, "/v1/completions"));
    CHECK(endpoint_of("/v1/completions").dialect == Dialect::openai);
    CHECK(endpoint_of("/v1/completions").answer.dialect == Dialect::openai_chat);
}

TEST_CASE("openai-chat: a chunk of content, a finish reason, the usage, [DONE]") {
    AnswerReader reader =
        read_stream("/v1/chat/completions", "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\"}}]}\n\n");
    const auto feed = [&](std::string_view data) { return reader.feed("data: " + std::string(data) + "\n\n"); };
    CHECK_FALSE(feed(R"({"choices":[{"delta":{"content":""},"finish_reason":null}]})").semantic);
    CHECK(feed(R"({"choices":[{"delta":{"content":"say \"usage\" and \"error\""}}]})").semantic);
    CHECK_FALSE(reader.complete());
    feed(R"({"choices":[{"delta":{},"finish_reason":"stop"}]})");
    CHECK(reader.complete());
    CHECK_FALSE(reader.may_be_last());
    feed(
        R"({"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":2}}})");
    CHECK(feed("[DONE]").terminal == 0);
    CHECK(reader.usage().input == 7);
    CHECK(reader.usage().cache_read == 2);
    CHECK(reader.usage().output == 3);
    CHECK(reader.error_type().empty());
}

TEST_CASE("openai-chat: errors as hosts put them into a stream") {
    for (const char* event : {
             "data: {\"error\":{\"type\":\"server_error\",\"message\":\"gone\"}}\n\n",
             "event: error\ndata: {\"type\":\"server_error\",\"message\":\"gone\"}\n\n",
             "data: {\"object\":\"error\",\"type\":\"server_error\",\"message\":\"gone\"}\n\n",
             "data: {\"code\":\"server_error\",\"message\":\"gone\"}\n\n",
         }) {
        CAPTURE(event);
        const AnswerReader reader = read_stream("/v1/chat/completions", event);
        CHECK(reader.error_type() == "server_error");
        CHECK(reader.error_message() == "gone");
    }
}
