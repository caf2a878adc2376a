// What an answer's usage says beyond the counts: who ran, how it was served, what is billed.

#include <doctest/doctest.h>

#include "tests/unit/gateway/dialect_support.hpp"

using namespace lurus;
using namespace lurus::gateway;

namespace {

std::string message_start(std::string_view counts) {
    return R"(data: {"type":"message_start","message":{"model":"claude-opus-4-6","usage":)" + std::string(counts) +
           "}}\n\n";
}

// An event's data is one line.
std::string one_line(std::string_view text) {
    std::string out(text);
    std::erase(out, '\n');
    return out;
}

std::string message_delta(std::string_view counts) {
    return R"(data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":)" + std::string(counts) +
           "}\n\n" + "data: {\"type\":\"message_stop\"}\n\n";
}

Usage read_messages(std::string_view start, std::string_view end) {
    return read_stream("/v1/messages", message_start(one_line(start)) + message_delta(one_line(end))).usage();
}

Usage read_body(std::string_view target, std::string_view body) {
    AnswerReader reader(endpoint_of(target).answer, AnswerFormat::json, 200);
    reader.feed(body);
    return reader.usage();
}

}  // namespace

TEST_CASE("anthropic: with compaction the later zero is meant, and nothing is counted twice") {
    const Usage usage = read_messages(
        R"({"input_tokens":100,"output_tokens":7,"cache_read_input_tokens":55096,"cache_creation_input_tokens":0})",
        R"({"input_tokens":181,"output_tokens":8,"cache_read_input_tokens":0,"cache_creation_input_tokens":0,"iterations":[
            {"type":"compaction","input_tokens":100,"output_tokens":83,"cache_read_input_tokens":55096,"cache_creation_input_tokens":0},
            {"type":"message","input_tokens":181,"output_tokens":8,"cache_read_input_tokens":0,"cache_creation_input_tokens":0}]})");
    CHECK(usage.input == 281);
    CHECK(usage.cache_read == 55096);
    CHECK(usage.cache_write_5m == 0);
    CHECK(usage.output == 91);
    REQUIRE(usage.parts.size() == 2);
    CHECK(usage.parts[0].usage.cache_read == 55096);
    CHECK(usage.parts[1].usage.input == 181);
    const Usage written = read_messages(
        R"({"input_tokens":100,"output_tokens":7,"cache_read_input_tokens":0,"cache_creation_input_tokens":60000})",
        R"({"input_tokens":181,"output_tokens":8,"cache_read_input_tokens":0,"cache_creation_input_tokens":0,"iterations":[
            {"type":"compaction","input_tokens":100,"output_tokens":83,"cache_creation_input_tokens":60000,"cache_creation":{"ephemeral_1h_input_tokens":60000}},
            {"type":"message","input_tokens":181,"output_tokens":8,"cache_creation_input_tokens":0}]})");
    CHECK(written.cache_write_1h == 60000);
    CHECK(written.cache_write_5m == 0);
    CHECK(written.input == 281);
    const Usage fresh =
        read_messages(R"({"input_tokens":60000,"output_tokens":7,"cache_read_input_tokens":0})",
                      R"({"input_tokens":0,"output_tokens":8,"cache_read_input_tokens":181,"iterations":[
            {"type":"compaction","input_tokens":60000,"output_tokens":83,"cache_read_input_tokens":0},
            {"type":"message","input_tokens":0,"output_tokens":8,"cache_read_input_tokens":181}]})");
    CHECK(fresh.input == 60000);
    CHECK(fresh.cache_read == 181);
    CHECK(fresh.output == 91);
}

TEST_CASE("anthropic: each run has its own model, and its own speed where that is another") {
    const Usage usage = read_messages(
        R"({"input_tokens":1200,"output_tokens":1,"speed":"fast","service_tier":"standard","inference_geo":"us"})",
        R"({"input_tokens":2400,"output_tokens":145,"server_tool_use":{"web_search_requests":1},"iterations":[
            {"type":"message","input_tokens":1200,"output_tokens":100},
            {"type":"advisor_message","model":"claude-opus-4-8","input_tokens":2500,"output_tokens":18},
            {"type":"message","input_tokens":1200,"output_tokens":45}]})");
    REQUIRE(usage.parts.size() == 3);
    CHECK(usage.input == 2400);
    CHECK(usage.output == 145);
    CHECK(usage.service_tier == "fast+us");
    CHECK(usage.parts[0].model == "");
    CHECK(usage.parts[0].usage.service_tier == "fast+us");
    CHECK(usage.parts[0].usage.web_searches == 1);
    CHECK(usage.parts[1].model == "claude-opus-4-8");
    CHECK(usage.parts[1].usage.input == 2500);
    CHECK(usage.parts[1].usage.service_tier == "standard+us");
    CHECK_FALSE(usage.parts[1].usage.web_searches);
}

TEST_CASE("anthropic: a list of runs that lacks the answer's own, has one, or is none") {
    const Usage beside =
        read_body("/v1/messages", R"({"content":[],"usage":{"input_tokens":5,"output_tokens":2,"iterations":[
        {"type":"advisor_message","model":"b","input_tokens":7,"output_tokens":1}]}})");
    REQUIRE(beside.parts.size() == 2);
    CHECK(beside.input == 5);
    CHECK(beside.parts[1].model == "");
    const Usage fallback =
        read_body("/v1/messages", R"({"content":[],"usage":{"input_tokens":5,"output_tokens":2,"iterations":[
        {"type":"fallback_message","model":"b","input_tokens":5,"output_tokens":2}]}})");
    REQUIRE(fallback.parts.size() == 1);
    CHECK(fallback.parts[0].model == "b");
    CHECK(fallback.input == 5);
    for (const char* none : {"null", "[]", "7", R"([{"type":"message","input_tokens":5,"output_tokens":2}])"}) {
        const Usage usage =
            read_body("/v1/messages", R"({"content":[],"usage":{"input_tokens":5,"output_tokens":2,"iterations":)" +
                                          std::string(none) + "}}");
        CHECK(usage.input == 5);
        CHECK(usage.output == 2);
        CHECK(usage.parts.empty());
    }
    const Usage kept = read_messages(
        R"({"input_tokens":9,"output_tokens":1,"cache_creation_input_tokens":4,"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":4}})",
        R"({"input_tokens":0,"output_tokens":3,"cache_creation_input_tokens":0,"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0},"iterations":null})");
    CHECK(kept.input == 9);
    CHECK(kept.cache_write_1h == 4);
    CHECK(kept.cache_write_5m == 0);
}

TEST_CASE("what was served decides: fast that was asked and not served is standard") {
    const auto tier = [](const char* said) {
        return read_body("/v1/messages", R"({"content":[],"usage":{"input_tokens":5,)" + std::string(said) + "}}")
            .service_tier;
    };
    CHECK(tier(R"("service_tier":"standard","speed":"standard","inference_geo":"global")") == "standard");
    CHECK(tier(R"("service_tier":"standard","speed":"fast","inference_geo":"not_available")") == "fast");
    CHECK(tier(R"("service_tier":"batch","inference_geo":"us")") == "batch+us");
    CHECK(tier(R"("speed":null,"inference_geo":"us")") == "us");
    CHECK(tier(R"("service_tier":null)") == "");
}

TEST_CASE("openai: a usage of zeros after the real one changes nothing") {
    const AnswerReader reader = read_stream(
        "/v1/chat/completions",
        R"(data: {"choices":[{"delta":{"content":"a"}}]})"
        "\n\n"
        R"(data: {"choices":[],"usage":{"prompt_tokens":90,"completion_tokens":30,"total_tokens":120,"prompt_tokens_details":{"cached_tokens":20},"completion_tokens_details":{"reasoning_tokens":4}}})"
        "\n\n"
        R"(data: {"choices":[],"usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0,"prompt_tokens_details":{"cached_tokens":0},"completion_tokens_details":{"reasoning_tokens":0}}})"
        "\n\ndata: [DONE]\n\n");
    CHECK(reader.usage().input == 70);
    CHECK(reader.usage().cache_read == 20);
    CHECK(reader.usage().output == 30);
    CHECK(reader.usage().reasoning == 4);
}

TEST_CASE("openai: cache writes for 30 minutes and for 12 hours") {
    const auto read = [](const char* details) {
        return read_body(
            "/v1/responses",
            R"({"object":"response","output":[],"usage":{"input_tokens":1000,"output_tokens":1,"input_tokens_details":)" +
                std::string(details) + "}}");
    };
    const Usage beside = read(R"({"cached_tokens":100,"cache_write_tokens":200,"cache_write_12h_tokens":300})");
    CHECK(beside.cache_write_5m == 200);
    CHECK(beside.cache_write_1h == 300);
    CHECK(beside.input == 400);
    const Usage within = read(R"({"cached_tokens":100,"cache_write_tokens":900,"cache_write_12h_tokens":300})");
    CHECK(within.cache_write_5m == 600);
    CHECK(within.cache_write_1h == 300);
    CHECK(within.input == 0);
}

TEST_CASE("openai: sound by the second, by the usage or by its length") {
    const auto seconds = [](const char* body) { return read_body("/v1/audio/transcriptions", body).audio_seconds; };
    CHECK(seconds(R"({"text":"a","usage":{"type":"duration","seconds":27}})") == 27);
    CHECK(seconds(R"({"text":"a","duration":8.470000267028809,"segments":[]})") == 9);
    CHECK(seconds(R"({"text":"a","duration":"12.0"})") == 12);
    CHECK(seconds(R"({"text":"a","duration":8.47,"usage":{"type":"duration","seconds":9}})") == 9);
    CHECK_FALSE(
        seconds(R"({"text":"a","duration":8.47,"usage":{"type":"tokens","input_tokens":3,"output_tokens":1}})"));
    for (const char* odd : {"-3", "1e9", "\"long\"", "null", "99999999999"})
        CHECK_FALSE(seconds((R"({"text":"a","duration":)" + std::string(odd) + "}").c_str()));
    CHECK_FALSE(read_body("/v1/embeddings", R"({"data":[],"duration":8.47})").audio_seconds);
}

TEST_CASE("gemini: what a search found is not billed, what a page held is") {
    const auto read = [](const char* candidate) {
        return read_body(
            "/v1beta/models/m:generateContent",
            R"({"candidates":[{"finishReason":"STOP")" + std::string(candidate) +
                R"(}],"usageMetadata":{"promptTokenCount":151,"toolUsePromptTokenCount":18329,"candidatesTokenCount":9}})");
    };
    const Usage searched = read(R"(,"groundingMetadata":{"webSearchQueries":["a","b"]})");
    CHECK(searched.input == 18480);
    CHECK(searched.unbilled_input == 18329);
    CHECK(searched.web_searches == 2);
    CHECK_FALSE(read(R"(,"urlContextMetadata":{"urlMetadata":[]})").unbilled_input);
    CHECK_FALSE(read(R"(,"groundingMetadata":{"webSearchQueries":["a"]},"urlContextMetadata":{"urlMetadata":[]})")
                    .unbilled_input);
    CHECK_FALSE(read("").unbilled_input);
}

TEST_CASE("gemini: the tier of the head wins over that of the body") {
    AnswerReader reader(endpoint_of("/v1beta/models/m:generateContent").answer, AnswerFormat::json, 200);
    reader.tell_tier("standard");
    reader.feed(R"({"candidates":[],"usageMetadata":{"promptTokenCount":1,"trafficType":"ON_DEMAND_PRIORITY"}})");
    CHECK(reader.usage().service_tier == "standard");
}
