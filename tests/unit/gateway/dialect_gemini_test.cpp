#include <doctest/doctest.h>

#include "tests/unit/gateway/dialect_support.hpp"

using namespace lurus;
using namespace lurus::gateway;

TEST_CASE("gemini: its paths below three versions") {
    for (const char* path :
         {"/v1/models/m:generateContent", "/v1beta/models/m:streamGenerateContent", "/v1beta1/models/m%3ApredictX",
          "/v1/tunedModels/t:generateContent", "/v1/publishers/google/models/m:countTokens",
          "/v1beta/publishers/google/tunedModels/t:generateContent"})
        CHECK(takes(Dialect::gemini, path));
    for (const char* path : {"/v1/tunedModelsx", "/v1/tunedModelsmodels/m:generateContent",
                             "/v1/modelsx/m:generateContent", "/v1/publishers/google/tunedModels/t:generateContent",
                             "/v1beta/m:generateContent", "/v1/models/:predict", "/v1/models/m:a/b"})
        CHECK_FALSE(takes(Dialect::gemini, path));
    CHECK(endpoint_of("/v1beta/models/m:streamGenerateContent").answer.array_stream);
    CHECK(endpoint_of("/v1beta/models/m:predict").answer.counts_images);
    CHECK_FALSE(endpoint_of("/v1beta/models/m:countTokens").answer.metered);
}

TEST_CASE("gemini: each chunk repeats the usage and the queries, a finish reason may be the last") {
    AnswerReader reader =
        read_stream("/v1beta/models/m:streamGenerateContent?alt=sse",
                    R"(data: {"candidates":[{"content":{},"groundingMetadata":{"webSearchQueries":["a"]}}],)"
                    R"("usageMetadata":{"promptTokenCount":6,"candidatesTokenCount":1}})"
                    "\r\n\r\n");
    CHECK_FALSE(reader.complete());
    reader.feed(
        R"(data: {"candidates":[{"finishReason":"STOP","groundingMetadata":{"webSearchQueries":["a","b"]}}],)"
        R"("usageMetadata":{"promptTokenCount":6,"cachedContentTokenCount":2,"candidatesTokenCount":4,"thoughtsTokenCount":5,)"
        R"("trafficType":"ON_DEMAND_FLEX"}})"
        "\r\n\r\n");
    CHECK(reader.complete());
    CHECK(reader.may_be_last());
    CHECK(reader.usage().input == 4);
    CHECK(reader.usage().output == 9);
    CHECK(reader.usage().web_searches == 2);
    CHECK(reader.usage().service_tier == "flex");
}

TEST_CASE("gemini: the answer's length is inside the configuration") {
    const auto scan = [](std::string_view body) {
        return scan_request(endpoint_of("/v1beta/models/m:generateContent"), "application/json", body).max_output;
    };
    CHECK(scan(R"({"generationConfig":{"maxOutputTokens":5}})") == 5);
    CHECK_FALSE(scan(R"({"max_tokens":5})"));
}
