#include <doctest/doctest.h>

#include <string>

#include "modules/gateway/answer/answer_reader.hpp"
#include "modules/gateway/attempt/websocket_digest.hpp"
#include "modules/gateway/attempt/websocket_events.hpp"

namespace websocket_live_test {

using namespace lurus;
using namespace lurus::gateway;
using ClientKind = ClientEvent::Kind;
using ServerKind = ServerEvent::Kind;

TEST_CASE("Live: the setup names the model") {
    for (
        const std::string text :
        {R"({"setup":{"model":"models/gemini-live","generationConfig":{"maxOutputTokens":70}}})",
         R"({"setup":{"model":"models\/gemini-live","generation_config":{"max_output_tokens":70}}})",
         R"({ "s\u0065tup" : { "\u006dodel" : "\u006dodels/gemini-live","generationConfig":{"maxOutputTokens":70}}})"}) {
        const ClientEvent event = read_live_client(text);
        CHECK(event.problem == "");
        CHECK(event.kind == ClientKind::setup);
        CHECK(event.max_output == 70);
        REQUIRE(event.models.size() == 1);
        CHECK(event.models[0].name == "gemini-live");
        CHECK(event.models[0].prefix == "models/");
        CHECK(text[event.models[0].begin] == '"');
        CHECK(text[event.models[0].end - 1] == '"');
    }
    const ClientEvent bare = read_live_client(R"({"setup":{"model":"gemini-live"}})");
    REQUIRE(bare.models.size() == 1);
    CHECK(bare.models[0].prefix == "");
}

TEST_CASE("Live: what a client says") {
    CHECK(read_live_client(R"({"clientContent":{"turns":[],"turnComplete":true}})").kind == ClientKind::create);
    CHECK(read_live_client(R"({"client_content":{"turns":[],"turn_complete":true}})").kind == ClientKind::create);
    for (const char* text :
         {R"({"clientContent":{"turns":[{"turnComplete":true}]}})", R"({"clientContent":{"turnComplete":false}})",
          R"({"realtimeInput":{"audio":{"data":"AAAA"}}})", R"({"realtime_input":{"activityEnd":{}}})",
          R"({"toolResponse":{"functionResponses":[]}})", R"({"setup":null,"toolResponse":{}})", "{}"}) {
        const ClientEvent event = read_live_client(text);
        CHECK_MESSAGE(event.problem == "", text);
        CHECK_MESSAGE(event.kind == ClientKind::other, text);
    }
}

TEST_CASE("Live: what parsers read differently is refused") {
    for (const char* text : {"",
                             "hello",
                             "[]",
                             R"({"setup":{"model":"models/a"})",
                             R"({"setup":{"model":"models/a"}} x)",
                             R"({"setup":{"model":"models/a"},"setup":{"model":"models/b"}})",
                             R"({"setup":{"model":"models/a"},"Setup":{"model":"models/b"}})",
                             R"({"SETUP":{"model":"models/b"}})",
                             R"({"setup":{"model":"models/a","model":"models/b"}})",
                             R"({"setup":{"model":"models/a","MODEL":"b"}})",
                             R"({"setup":{"model":"models/a","m\u006fdel":"models/b"}})",
                             R"({"setup":{}})",
                             R"({"setup":[]})",
                             R"({"setup":{"model":7}})",
                             R"({"setup":{"model":""}})",
                             R"({"setup":{"model":"models/"}})",
                             R"({"setup":{"model":"a"},"clientContent":{}})",
                             R"({"clientContent":{},"client_content":{}})",
                             R"({"clientContent":{},"ClientContent":{}})",
                             R"({"setup":{"model":"a","x":NaN}})"}) {
        CHECK_MESSAGE(read_live_client(text).problem != "", text);
    }
}

TEST_CASE("Live: what a vendor says") {
    struct Row {
        const char* text;
        ServerKind kind;
        bool usage;
    };
    for (const Row& row : {
             Row{R"({"setupComplete":{}})", ServerKind::other, false},
             {R"({"serverContent":{"modelTurn":{"parts":[{"text":"turnComplete"}]}}})", ServerKind::created, false},
             {R"({"serverContent":{"outputTranscription":{"text":"a"}}})", ServerKind::created, false},
             {R"({"serverContent":{"inputTranscription":{"text":"a"}}})", ServerKind::other, false},
             {R"({"serverContent":{"generationComplete":true}})", ServerKind::other, false},
             {R"({"serverContent":{"interrupted":true}})", ServerKind::other, false},
             {R"({"serverContent":{"turnComplete":false}})", ServerKind::other, false},
             {R"({"serverContent":{"turnComplete":true}})", ServerKind::ended, false},
             {R"({"usageMetadata":{"a":1},"serverContent":{"turnComplete":true}})", ServerKind::ended, true},
             {R"({"serverContent":{"modelTurn":{},"turnComplete":true}})", ServerKind::ended, false},
             {R"({"toolCall":{"functionCalls":[{}]}})", ServerKind::waits, false},
             {R"({"toolCall":{"functionCalls":[{}]},"usageMetadata":{}})", ServerKind::waits, true},
             {R"({"usageMetadata":{"totalTokenCount":1}})", ServerKind::counted, true},
             {R"({"goAway":{"timeLeft":"5s"}})", ServerKind::other, false},
             {"not JSON", ServerKind::other, false},
         }) {
        const ServerEvent event = read_live_server(row.text);
        CHECK_MESSAGE(event.kind == row.kind, row.text);
        CHECK_MESSAGE(event.usage == row.usage, row.text);
    }
}

TEST_CASE("Live: an answer's usage, by modality") {
    UpstreamAnswer answer;
    answer.dialect = Dialect::gemini;
    AnswerReader reader(answer, AnswerFormat::sse, 200);
    reader.feed_event(
        R"({"serverContent":{"modelTurn":{"parts":[{"inlineData":{"mimeType":"audio/pcm","data":"AA"}}]}}})");
    reader.feed_event(
        R"({"serverContent":{"turnComplete":true},"usageMetadata":{"promptTokenCount":100,"responseTokenCount":40,)"
        R"("cachedContentTokenCount":10,"toolUsePromptTokenCount":5,"thoughtsTokenCount":7,"totalTokenCount":152,)"
        R"("promptTokensDetails":[{"modality":"TEXT","tokenCount":20},{"modality":"AUDIO","tokenCount":80}],)"
        R"("cacheTokensDetails":[{"modality":"AUDIO","tokenCount":10}],)"
        R"("responseTokensDetails":[{"modality":"AUDIO","tokenCount":38},{"modality":"TEXT","tokenCount":2}]}})");
    reader.finish(true);
    const Usage usage = reader.usage();
    CHECK(usage.input == 95);
    CHECK(usage.cache_read == 10);
    CHECK(usage.output == 47);
    CHECK(usage.reasoning == 7);
    CHECK(usage.audio_input == 70);
    CHECK(usage.audio_output == 38);
    CHECK(reader.error_type() == "");
    CHECK(reader.counted());
}

TEST_CASE("Live: what matters of a message that is too long to keep") {
    MessageDigest digest;
    digest.on_part(R"({"serverContent":{"modelTurn":{"parts":[{"inlineData":{"data":")");
    for (int i = 0; i < 1000; ++i) digest.on_part(std::string(1000, 'A'));
    digest.on_part(R"("}}]},"turnComplete":true},"usageMetadata":{"responseTokenCount":3}})");
    const std::string kept = digest.take();
    CHECK(kept.size() < 200);
    CHECK(read_live_server(kept).kind == ServerKind::ended);
    CHECK(read_live_server(kept).usage);
    digest.on_part(R"({"serverContent":{"modelTurn":{"parts":[]}}})");
    CHECK(read_live_server(digest.take()).kind == ServerKind::created);
    digest.on_part(R"({"toolCall":{"functionCalls":[]}})");
    CHECK(read_live_server(digest.take()).kind == ServerKind::waits);
    digest.on_part(R"({"setupComplete":{}})");
    CHECK(read_live_server(digest.take()).kind == ServerKind::other);
}

}  // namespace websocket_live_test
