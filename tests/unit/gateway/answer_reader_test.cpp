#include "modules/gateway/answer/answer_reader.hpp"

#include <doctest/doctest.h>

#include <array>
#include <nlohmann/json.hpp>
#include <string>

#include "modules/gateway/answer/event_parts.hpp"
#include "modules/gateway/answer/usage_fields.hpp"
#include "modules/gateway/dialect/dialect.hpp"

using namespace lurus;
using namespace lurus::gateway;

namespace {

Endpoint at(std::string_view target, std::string_view method = "POST", bool websocket = false) {
    return *match_endpoint(method, target, {}, websocket).endpoint;
}

Usage classes(Family family, std::string_view object) {
    UsageFields fields;
    fields.merge(object);
    return rules_of(family).read->usage(fields);
}

}  // namespace

TEST_CASE("answer: the format follows content type, endpoint and query") {
    using enum AnswerFormat;
    const Endpoint messages = at("/v1/messages");
    const std::string sse_target = "/v1beta/models/m:streamGenerateContent?alt=sse";
    const std::string array_target = "/v1beta/models/m:streamGenerateContent";
    CHECK(answer_format(messages.answer, "/v1/messages", "text/event-stream; charset=utf-8") == sse);
    CHECK(answer_format(messages.answer, "/v1/messages", "Text/Event-Stream") == sse);
    CHECK(answer_format(messages.answer, "/v1/messages", "application/json") == json);
    CHECK(answer_format(messages.answer, "/v1/messages", "application/problem+json") == json);
    CHECK(answer_format(messages.answer, "/v1/messages", "") == json);
    CHECK(answer_format(messages.answer, "/v1/messages", "text/html") == other);
    CHECK(answer_format(at(sse_target).answer, sse_target, "text/event-stream") == sse);
    CHECK(answer_format(at(sse_target).answer, sse_target, "application/json") == json);
    CHECK(answer_format(at(array_target).answer, array_target, "application/json; charset=UTF-8") == json_array);
    CHECK(answer_format(at("/v1/audio/speech").answer, "/v1/audio/speech", "audio/mpeg") == other);
    CHECK(answer_format(at("/v1/audio/transcriptions").answer, "", "text/plain") == other);
}

TEST_CASE("answer: usage of a session is the sum of its answers") {
    AnswerReader reader(at("/v1/responses", "GET", true).answer, AnswerFormat::sse, 101);
    auto completed = [](int in, int cached, int out) {
        return R"({"type":"response.completed","response":{"service_tier":"default","usage":{"input_tokens":)" +
               std::to_string(in) + R"(,"input_tokens_details":{"cached_tokens":)" + std::to_string(cached) +
               R"(},"output_tokens":)" + std::to_string(out) + "}}}";
    };
    CHECK_FALSE(reader.feed_event(R"({"type":"response.created","response":{}})").semantic);
    CHECK(reader.feed_event(R"({"type":"response.output_text.delta","delta":"a"})").semantic);
    CHECK_FALSE(reader.complete());
    const auto step = reader.feed_event(completed(10, 4, 3));
    CHECK(step.events == 1);
    CHECK(step.terminal == 0);
    CHECK(reader.complete());
    CHECK(reader.usage().input == 6);
    CHECK(nlohmann::json::parse(reader.usage_raw())["input_tokens"] == 10);
    reader.feed_event(R"({"type":"response.created","response":{}})");
    CHECK_FALSE(reader.complete());
    reader.feed_event(completed(20, 20, 5));
    CHECK(reader.usage().input == 6);
    CHECK(reader.usage().cache_read == 24);
    CHECK(reader.usage().output == 8);
    CHECK(reader.usage().service_tier == "default");
    CHECK(nlohmann::json::parse(reader.usage_raw()).size() == 2);
}

TEST_CASE("answer: a realtime session") {
    AnswerReader reader(at("/v1/realtime?model=m", "GET", true).answer, AnswerFormat::sse, 101);
    reader.feed_event(R"({"type":"session.created","session":{}})");
    reader.feed_event(
        R"({"type":"response.done","event_id":"e","response":{"status":"completed","usage":{"total_tokens":300,"input_tokens":200,"output_tokens":100,)"
        R"("input_token_details":{"text_tokens":50,"audio_tokens":150,"cached_tokens":64,"cached_tokens_details":{"text_tokens":0,"audio_tokens":64}},)"
        R"("output_token_details":{"text_tokens":20,"audio_tokens":80}}}})");
    const Usage usage = reader.usage();
    CHECK(usage.input == 136);
    CHECK(usage.cache_read == 64);
    CHECK(usage.output == 100);
    CHECK(usage.audio_input == 86);
    CHECK(usage.audio_output == 80);
    reader.feed_event(R"({"type":"error","error":{"type":"invalid_request_error","message":"no"}})");
    CHECK(reader.error_type() == "invalid_request_error");
}

TEST_CASE("answer: event boundaries") {
    AnswerReader array(at("/v1beta/models/m:streamGenerateContent").answer, AnswerFormat::json_array, 200);
    CHECK(array.at_event_boundary());
    array.feed("[{\"candidates\":[");
    CHECK_FALSE(array.at_event_boundary());
    array.feed("]}");
    CHECK(array.at_event_boundary());
    array.feed("\n");
    CHECK(array.at_event_boundary());
    array.feed(",");  // an error of ours brings its own comma
    CHECK_FALSE(array.at_event_boundary());
    array.feed("{\"candidates\":[]}]");
    CHECK_FALSE(array.at_event_boundary());

    AnswerReader json(at("/v1/messages").answer, AnswerFormat::json, 200);
    CHECK(json.at_event_boundary());
    json.feed("{");
    CHECK_FALSE(json.at_event_boundary());

    AnswerReader stream(at("/v1/messages").answer, AnswerFormat::sse, 200);
    stream.feed("event: ping\ndata: {\"type\":\"ping\"}\n");
    CHECK_FALSE(stream.at_event_boundary());
    stream.feed("\n");
    CHECK(stream.at_event_boundary());
}

TEST_CASE("answer: a cut answer is not complete") {
    AnswerReader json(at("/v1/messages").answer, AnswerFormat::json, 200);
    json.feed("{\"content\":[");
    json.finish(false);
    CHECK_FALSE(json.complete());
    AnswerReader binary(at("/v1/audio/speech").answer, AnswerFormat::other, 200);
    binary.feed("x");
    CHECK_FALSE(binary.complete());
    binary.finish(true);
    CHECK(binary.complete());
    // What was cut off in the middle of an event is not read.
    AnswerReader stream(at("/v1/chat/completions").answer, AnswerFormat::sse, 200);
    stream.feed("data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5}}");
    stream.finish(false);
    CHECK_FALSE(stream.usage().known());
}

TEST_CASE("answer: a long body is read without being kept") {
    AnswerReader reader(at("/v1/embeddings").answer, AnswerFormat::json, 200);
    reader.feed("{\"object\":\"list\",\"data\":[");
    const std::string element = "{\"embedding\":[" + std::string(100'000, '1') + "]},";
    for (int i = 0; i < 500; ++i) reader.feed(element);
    const auto step = reader.feed("{}],\"usage\":{\"prompt_tokens\":8,\"total_tokens\":8}}");
    CHECK(step.events == 1);
    CHECK(reader.usage().input == 8);
    CHECK(reader.complete());
}

namespace {

constexpr std::size_t picture_bytes = 9 << 20;

// As a relay reads: 64 KiB at a time.
AnswerReader read_in_pieces(std::string_view target, AnswerFormat format, std::string_view body) {
    AnswerReader reader(at(target).answer, format, 200);
    for (std::size_t from = 0; from < body.size(); from += 64 << 10) {
        const std::string piece(body.substr(from, 64 << 10));
        reader.feed(piece);
    }
    reader.finish(true);
    return reader;
}

}  // namespace

TEST_CASE("answer: an event with a picture of any size is read while it passes") {
    const std::string picture(picture_bytes, 'Q');
    struct Case {
        const char* target;
        std::string stream;
        std::int64_t input, output;
    };
    const Case cases[] = {
        {"/v1/chat/completions",
         R"(data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]})"
         "\n\n"
         R"(data: {"choices":[{"index":0,"delta":{"images":[{"type":"image_url","image_url":{"url":"data:image/png;base64,)" +
             picture + R"("}}]},"finish_reason":"stop"}],"usage":{"prompt_tokens":7,"completion_tokens":1290}})" +
             "\n\ndata: [DONE]\n\n",
         7, 1290},
        {"/v1/responses",
         "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{}}\n\n"
         R"(data: {"type":"response.image_generation_call.partial_image","partial_image_b64":")" +
             picture + "\"}\n\n" +
             R"(data: {"type":"response.completed","response":{"output":[{"type":"image_generation_call","result":")" +
             picture + R"("}],"usage":{"input_tokens":11,"output_tokens":44}}})" + "\n\n",
         11, 44},
        {"/v1beta/models/m:streamGenerateContent?alt=sse",
         R"(data: {"candidates":[{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":")" + picture +
             R"("}}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":1290}})" +
             "\r\n\r\n",
         5, 1290},
        {"/v1/images/generations",
         "event: image_generation.partial_image\ndata: {\"type\":\"image_generation.partial_image\",\"b64_json\":\"" +
             picture + "\"}\n\nevent: image_generation.completed\ndata: {\"type\":\"image_generation.completed\"," +
             "\"b64_json\":\"" + picture + "\",\"usage\":{\"input_tokens\":50,\"output_tokens\":4160}}\n\n",
         50, 4160},
        {"/v1/messages",
         "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":9}}}\n\n"
         "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"content_block\":{\"data\":\"" +
             picture + "\",\"usage\":{\"input_tokens\":1}}}\n\n" +
             "event: message_delta\ndata: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":3}}\n\n"
             "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
         9, 3},
    };
    for (const Case& one : cases) {
        CAPTURE(one.target);
        const AnswerReader reader = read_in_pieces(one.target, AnswerFormat::sse, one.stream);
        CHECK(reader.complete());
        CHECK(reader.error_type().empty());
        CHECK(reader.usage().input == one.input);
        CHECK(reader.usage().output == one.output);
    }
    const AnswerReader images = read_in_pieces("/v1/images/generations", AnswerFormat::sse, cases[3].stream);
    CHECK(images.usage().images == 1);
}

TEST_CASE("answer: an error in a long event is one") {
    const std::string long_text(900'000, 'x');
    const AnswerReader chat =
        read_in_pieces("/v1/chat/completions", AnswerFormat::sse,
                       "data: {\"padding\":\"" + long_text + "\",\"error\":{\"type\":\"t\",\"message\":\"m\"}}\n\n");
    CHECK(chat.error_type() == "t");
    const AnswerReader messages = read_in_pieces("/v1/messages", AnswerFormat::sse,
                                                 "event: error\ndata: {\"type\":\"error\",\"error\":{\"message\":\"" +
                                                     long_text + "\",\"type\":\"overloaded_error\"}}\n\n");
    CHECK(messages.error_type() == "overloaded_error");
    CHECK(messages.error_message().size() == 2048);
}

TEST_CASE("answer: what a long event holds is kept in bounds, whatever it holds") {
    static constexpr json::Pick element[] = {{.key = "[]", .mark = 1}};
    static constexpr json::Pick members[] = {{.key = "list", .children = element}, {.key = "usage", .capture = 2}};
    static constexpr json::Pick root{.children = members};
    struct Count final : json::PickSink {
        std::size_t marks = 0, values = 0, bytes = 0;
        void on_value(std::uint8_t, std::string_view value, bool) override {
            ++values;
            bytes += value.size();
        }
        void on_mark(std::uint8_t, char) override { ++marks; }
        void on_end(std::uint8_t) override {}
    };
    EventParts parts(root);
    parts.feed("{\"list\":[");
    for (int i = 0; i < 100'000; ++i) parts.feed("1,");
    parts.feed("1]");
    Count marks;
    parts.replay(marks);
    CHECK(marks.marks == EventParts::most_found);
    EventParts values(root);
    values.feed("{\"list\":[]");
    const std::string usage = ",\"usage\":\"" + std::string(300'000, 'u') + "\"";
    for (int i = 0; i < 100; ++i) values.feed(usage);
    CHECK_FALSE(values.whole());
    values.feed("}");
    CHECK(values.whole());
    Count bytes;
    values.replay(bytes);
    CHECK(bytes.values == 3);
    CHECK(bytes.bytes <= EventParts::most_bytes);
}

TEST_CASE("answer: JSON that ends before it is whole is not complete, though its framing ended") {
    const auto whole = [](std::string_view body, bool by_connection = false, AnswerFormat format = AnswerFormat::json) {
        AnswerReader reader(at("/v1/chat/completions").answer, format, 200);
        if (by_connection) reader.ends_with_connection();
        reader.feed(body);
        reader.finish(true);
        return reader.complete();
    };
    const std::string json = R"({"choices":[{"message":{"content":"a\"b"}}],"usage":{"prompt_tokens":1}})";
    CHECK(whole(json));
    CHECK(whole(json + "\n"));
    for (std::size_t size = 1; size < json.size(); ++size) {
        CAPTURE(size);
        CHECK_FALSE(whole(json.substr(0, size)));
        CHECK_FALSE(whole(json.substr(0, size), true));
    }
    CHECK_FALSE(whole("\n\n"));
    CHECK_FALSE(whole("", true));
    CHECK(whole(""));
    // What is no JSON cannot be cut JSON.
    CHECK(whole("deleted"));
    CHECK(whole("<html>"));
    CHECK(whole("12", true));
    CHECK(whole("{x"));

    AnswerReader array(at("/v1beta/models/m:streamGenerateContent").answer, AnswerFormat::json_array, 200);
    array.feed(R"([{"candidates":[{"finishReason":"STOP"}]})");
    CHECK(array.may_be_last());
    array.finish(true);
    CHECK_FALSE(array.complete());
}

TEST_CASE("answer: a stream that ends inside of its last event is not complete") {
    const auto whole = [](std::string_view target, std::string_view bytes, bool clean = true) {
        AnswerReader reader(at(target).answer, AnswerFormat::sse, 200);
        reader.feed(bytes);
        reader.finish(clean);
        return reader.complete();
    };
    const std::string gemini = "/v1beta/models/m:streamGenerateContent?alt=sse";
    CHECK(whole(gemini, R"(data: {"candidates":[{"finishReason":"STOP"}]})"));
    CHECK_FALSE(whole(gemini, R"(data: {"candidates":[{"finishReason":"STOP"}])"));
    CHECK_FALSE(whole("/v1/messages", "event: message_stop\ndata: {\"type\":\"message_st"));
    CHECK(whole("/v1/messages", "event: message_stop\ndata: {\"type\":\"message_stop\"}"));
    const std::string finished = "data: {\"choices\":[{\"finish_reason\":\"stop\"}]}\n\n";
    CHECK(whole("/v1/chat/completions", finished));
    CHECK(whole("/v1/chat/completions", finished, false));
    CHECK(whole("/v1/chat/completions", finished + "data: [DONE]"));
    CHECK_FALSE(whole("/v1/chat/completions", finished + "data: [DO"));
    CHECK_FALSE(whole("/v1/chat/completions", finished + "data: {\"usage\":{\"prompt_to"));
    CHECK_FALSE(whole("/v1/chat/completions", finished + "data: {\"usage\":{}}", false));
    const std::string long_one = "data: {\"padding\":\"" + std::string(1 << 20, 'x');
    CHECK_FALSE(whole("/v1/chat/completions", finished + long_one));
    CHECK(whole("/v1/chat/completions", finished + long_one + "\"}"));
}

TEST_CASE("usage: fields merge one by one") {
    UsageFields fields;
    fields.merge(R"({"a":1,"b":{"x":1,"y":2},"c":5,"d":null})");
    fields.merge(R"({"b":{"y":3,"z":4},"a":null,"c":0,"e":"t","d":7})", std::array<std::string_view, 1>{"c"});
    CHECK(nlohmann::json::parse(fields.json()) ==
          nlohmann::json::parse(R"({"a":1,"b":{"x":1,"y":3,"z":4},"c":5,"d":7,"e":"t"})"));
    CHECK(fields.count("b", "z") == 4);
    CHECK_FALSE(fields.count("e").has_value());
    fields.merge("[1]");
    fields.merge("null");
    fields.merge("{\"a\":");
    CHECK(fields.count("a") == 1);
    UsageFields many;
    for (int i = 0; i < 1000; ++i) many.merge("{\"k" + std::to_string(i) + "\":1}");
    CHECK(nlohmann::json::parse(many.json()).size() == 128);
}

TEST_CASE("usage: the merged object has no blanks between its fields and no field twice") {
    const auto merged = [](std::initializer_list<std::string_view> objects) {
        UsageFields fields;
        for (const std::string_view object : objects) fields.merge(object);
        return fields.json();
    };
    CHECK(merged({R"({"a":1,"b":{"c": 2}})"}) == R"({"a":1,"b":{"c": 2}})");
    CHECK(merged({R"({ "a": 1,"b":2 })"}) == R"({"a":1,"b":2})");
    CHECK(merged({R"({"a":1,"a":2})"}) == R"({"a":2})");
    CHECK(merged({R"({"a":1,"a":2000})"}) == R"({"a":2000})");
    CHECK(merged({R"({"a":1})", R"({"a":1})"}) == R"({"a":1})");
    CHECK(merged({R"({"a":1})", R"({"a":2})"}) == R"({"a":2})");
    CHECK(merged({R"({"a":1})", R"({"b":2})"}) == R"({"a":1,"b":2})");
    CHECK(merged({"{}", R"({"b":2})"}) == R"({"b":2})");
    CHECK(merged({R"({"a":1} )"}) == R"({"a":1})");
}

TEST_CASE("usage: values that change length many times stay whole") {
    UsageFields fields;
    fields.merge(R"({"a":1,"b":"x"})");
    for (int i = 0; i < 200; ++i) {
        const std::string longer(static_cast<std::size_t>(i), 'y');
        fields.merge("{\"a\":" + std::to_string(i) + ",\"b\":\"" + longer + "\",\"c\":{\"n" + std::to_string(i % 7) +
                     "\":" + std::to_string(i) + "}}");
    }
    fields.merge(R"({"b":"z"})");
    CHECK(fields.json() == R"({"a":199,"b":"z","c":{"n0":196,"n1":197,"n2":198,"n3":199,"n4":193,"n5":194,"n6":195}})");
    fields.clear();
    CHECK(fields.json().empty());
}

TEST_CASE("usage: keys count as what their escapes stand for") {
    CHECK(
        classes(Family::openai, R"({"prompt\u005ftokens":7,"prompt_tokens_details":{"cached\u005Ftokens":2}})").input ==
        5);
    CHECK(classes(Family::openai, R"({"prompt_tokens_details":{"cached_tokens":1,"cached_tokens":3}})").cache_read ==
          3);
    CHECK_FALSE(classes(Family::openai, R"({"prompt_tokens":null,"tokens_prompt":4,"":5})").input.has_value());
}

TEST_CASE("usage: classes never go below zero and never overflow") {
    const std::string huge = "9223372036854775807";
    Usage usage = classes(Family::anthropic, R"({"input_tokens":1,"cache_creation":{"ephemeral_5m_input_tokens":)" +
                                                 huge + R"(,"ephemeral_1h_input_tokens":)" + huge +
                                                 R"(},"cache_creation_input_tokens":)" + huge + "}");
    CHECK(usage.cache_write_5m == 9223372036854775807);
    usage = classes(Family::openai, R"({"prompt_tokens":5,"prompt_tokens_details":{"cached_tokens":)" + huge +
                                        R"(,"cache_write_tokens":)" + huge + R"(},"completion_tokens":)" + huge +
                                        R"(,"completion_tokens_details":{"reasoning_tokens":)" + huge +
                                        R"(},"total_tokens":)" + huge + "}");
    CHECK(usage.input == 0);
    usage = classes(Family::gemini, R"({"promptTokenCount":-5,"candidatesTokenCount":)" + huge +
                                        R"(,"thoughtsTokenCount":)" + huge + "}");
    CHECK_FALSE(usage.input.has_value());
    CHECK(usage.output == 9223372036854775807);
    // A split larger than its total stays as the vendor split it.
    usage = classes(
        Family::anthropic,
        R"({"cache_creation_input_tokens":0,"cache_creation":{"ephemeral_5m_input_tokens":3,"ephemeral_1h_input_tokens":4}})");
    CHECK(usage.cache_write_5m == 3);
    CHECK(usage.cache_write_1h == 4);
    CHECK_FALSE(classes(Family::openai, "{}").known());
}

TEST_CASE("usage: only compaction iterations are added") {
    const Usage usage = classes(
        Family::anthropic, R"({"input_tokens":45,"output_tokens":12,"iterations":[)"
                           R"({"type":"compaction","input_tokens":180,"output_tokens":35},)"
                           R"({"type":"advisor_message","model":"other","input_tokens":1000,"output_tokens":1000},)"
                           R"({"type":"message","input_tokens":45,"output_tokens":12}]})");
    CHECK(usage.input == 225);
    CHECK(usage.output == 47);
}

TEST_CASE("an answer that breaks off is not counted to its end; what came of it is guessed by its text") {
    const std::string text(400, 'x');
    const auto of = [](std::string_view target, std::string_view stream) {
        AnswerReader reader(match_endpoint("POST", target, {}, false).endpoint->answer, AnswerFormat::sse, 200);
        reader.feed(stream);
        return reader;
    };
    SUBCASE("anthropic: message_start has the input, and an output that is none") {
        const std::string start =
            "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":21,"
            "\"output_tokens\":1}}}\n\n";
        const auto delta = [](std::string_view what) {
            return "event: content_block_delta\ndata: "
                   "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":"
                   "\"text_delta\",\"text\":\"" +
                   std::string(what) + "\"}}\n\n";
        };
        CHECK(of("/v1/messages", start).output_seen() == 0);
        CHECK_FALSE(of("/v1/messages", start).counted());
        CHECK(of("/v1/messages", start).usage().input == 21);
        CHECK(of("/v1/messages", start + delta(text)).output_seen() == 100);
        CHECK(of("/v1/messages", start + delta("a") + delta(text) + delta("b")).output_seen() == 100);
        CHECK(of("/v1/messages", start + delta("a") + delta("b") + delta("c")).output_seen() == 3);
        const AnswerReader whole =
            of("/v1/messages", start + delta("a") +
                                   "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":"
                                   "{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":9}}\n\n");
        CHECK(whole.counted());
        CHECK(whole.usage().output == 9);
        CHECK_FALSE(
            of("/v1/messages", start + delta("a") + "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n")
                .counted());
    }
    SUBCASE("chat: also in tool calls, where what stands around the text is longer") {
        const auto chunk = [](std::string_view delta) {
            return "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":" + std::string(delta) +
                   ",\"finish_reason\":null}]}\n\n";
        };
        std::string stream = chunk(R"({"role":"assistant","content":""})");
        for (int i = 0; i < 10; ++i) stream += chunk(R"({"content":"word"})");
        CHECK(of("/v1/chat/completions", stream).output_seen() == 10);
        CHECK_FALSE(of("/v1/chat/completions", stream).counted());
        std::string call = stream;
        for (int i = 0; i < 50; ++i) call += chunk(R"({"tool_calls":[{"index":0,"function":{"arguments":"12"}}]})");
        CHECK(of("/v1/chat/completions", call).output_seen() == 60);
        CHECK(of("/v1/chat/completions", stream + chunk("{\"content\":\"" + text + "\"}")).output_seen() == 110);
    }
    SUBCASE("responses") {
        const auto delta = [](std::string_view what) {
            return "data: {\"type\":\"response.output_text.delta\",\"item_id\":\"m\",\"delta\":\"" + std::string(what) +
                   "\"}\n\n";
        };
        CHECK(of("/v1/responses", delta("a") + delta(text)).output_seen() == 100);
        CHECK_FALSE(of("/v1/responses", delta("a")).counted());
    }
    SUBCASE("gemini: the last of the counts so far, and the text") {
        const auto chunk = [](std::string_view what, std::string_view more) {
            return "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"" + std::string(what) + "\"}]}" +
                   std::string(more) + "}],\"usageMetadata\":{\"promptTokenCount\":7,\"candidatesTokenCount\":2}}\n\n";
        };
        const AnswerReader reader =
            of("/v1beta/models/g:streamGenerateContent?alt=sse", chunk("a", "") + chunk(text, ""));
        CHECK_FALSE(reader.counted());
        CHECK(reader.output_seen() == 100);
        CHECK(reader.usage().input == 7);
        CHECK(of("/v1beta/models/g:streamGenerateContent?alt=sse", chunk("a", ",\"finishReason\":\"STOP\"")).counted());
    }
    SUBCASE("a body without usage: by its bytes") {
        AnswerReader reader(match_endpoint("POST", "/v1/chat/completions", {}, false).endpoint->answer,
                            AnswerFormat::json, 200);
        const std::string body = R"({"choices":[{"message":{"content":")" + text + R"("},"finish_reason":"stop"}]})";
        reader.feed(body);
        CHECK_FALSE(reader.counted());
        CHECK(reader.output_seen() == static_cast<std::int64_t>(body.size()) / 4);
    }
}
