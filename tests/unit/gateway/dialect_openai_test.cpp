#include <doctest/doctest.h>

#include "tests/unit/gateway/dialect_support.hpp"

using namespace lurus;
using namespace lurus::gateway;

TEST_CASE("openai: its paths, also such as are new below images and audio") {
    for (const char* path : {"/v1/embeddings", "/v1/moderations", "/v1/images/edits", "/v1/images/new/thing",
                             "/v1/audio/speech", "/v1/completions"})
        CHECK(takes(Dialect::openai, path));
    for (const char* path : {"/v1/image", "/v1/images", "/v1/chat/completions", "/v1/responses", "/v1beta/embeddings"})
        CHECK_FALSE(takes(Dialect::openai, path));
    CHECK(endpoint_of("/v1/images/new/thing").answer.counts_images);
    CHECK(endpoint_of("/v1/audio/translations").answer.text);
    CHECK(endpoint_of("/v1/realtime?model=m", "GET", true).answer.dialect == Dialect::openai_responses);
}

TEST_CASE("openai: pictures are counted, in a body and in a stream") {
    AnswerReader body(endpoint_of("/v1/images/generations").answer, AnswerFormat::json, 200);
    body.feed(R"({"created":1,"data":[{"b64_json":"aaaa"},{"b64_json":"bbbb"}]})");
    CHECK(body.usage().images == 2);
    AnswerReader stream =
        read_stream("/v1/images/generations", "data: {\"type\":\"image_generation.partial_image\"}\n\n");
    CHECK_FALSE(stream.complete());
    stream.feed("data: {\"type\":\"image_generation.completed\",\"usage\":{\"input_tokens\":3}}\n\n");
    CHECK(stream.complete());
    CHECK(stream.may_be_last());
    CHECK(stream.usage().images == 1);
    CHECK(stream.usage().input == 3);
}

TEST_CASE("openai: a list of embeddings has no pictures") {
    AnswerReader body(endpoint_of("/v1/embeddings").answer, AnswerFormat::json, 200);
    body.feed(R"({"object":"list","data":[{"embedding":[1]}],"usage":{"prompt_tokens":8,"total_tokens":8}})");
    CHECK_FALSE(body.usage().images.has_value());
    CHECK(body.usage().input == 8);
}
