#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "modules/gateway/attempt/websocket_digest.hpp"
#include "modules/gateway/attempt/websocket_events.hpp"
#include "modules/gateway/attempt/websocket_turns.hpp"

namespace websocket_events_test {

using namespace lurus;
using namespace lurus::gateway;
using nlohmann::json;

namespace {

using ClientKind = ClientEvent::Kind;
using ServerKind = ServerEvent::Kind;

std::string named(const ClientEvent& event) {
    std::string out;
    for (const auto& model : event.models) out += (out.empty() ? "" : " ") + model.name + (model.answers ? "" : "*");
    return out;
}

Turn turn_of(std::string event_id, std::string stream_id = {}) {
    UpstreamAnswer answer;
    answer.dialect = Dialect::openai_responses;
    Turn turn(answer);
    turn.event_id = std::move(event_id);
    turn.stream_id = std::move(stream_id);
    return turn;
}

ServerEvent server(std::string_view text) {
    return read_server_event(text, true);
}

}  // namespace

TEST_CASE("websocket events: what a client asks for, however it is written") {
    for (const char* text :
         {R"({"type":"response.create","model":"m"})", R"({"type":"response.cr\u0065ate","model":"m"})",
          R"( { "model" : "\u006d" , "\u0074ype" : "response.create" } )"}) {
        const ClientEvent event = read_client_event(text);
        CHECK(event.problem == "");
        CHECK(event.kind == ClientKind::create);
        CHECK(named(event) == "m");
    }
    const std::string text =
        R"({"event_id":"e1","stream_id":"s","type":"response.create","response":{"model":"m","max_output_tokens":7}})";
    const ClientEvent nested = read_client_event(text);
    CHECK(nested.event_id == "e1");
    CHECK(nested.stream_id == "s");
    CHECK(nested.max_output == 7);
    REQUIRE(nested.models.size() == 1);
    CHECK(text.substr(nested.models[0].begin, nested.models[0].end - nested.models[0].begin) == "\"m\"");
    CHECK(read_client_event(R"({"type":"input_audio_buffer.append","audio":"AAAA"})").kind == ClientKind::other);
    CHECK(read_client_event(R"({"type":"response.create","response":{"max_output_tokens":"inf"}})").problem == "");
}

TEST_CASE("websocket events: every model that a session would use") {
    const ClientEvent event = read_client_event(
        R"({"type":"session.update","session":{"model":"a","audio":{"input":{"transcription":{"model":"b"}}},)"
        R"("input_audio_transcription":{"model":"c","language":"en"},"tools":[{"model":"no"}]}})");
    CHECK(event.kind == ClientKind::session);
    CHECK(named(event) == "a c* b*");
    CHECK(named(read_client_event(
              R"({"type":"transcription_session.update","session":{"input_audio_transcription":null}})")) == "");
}

TEST_CASE("websocket events: what parsers read differently is refused") {
    for (const char* text :
         {"",
          "hello",
          "[]",
          "\"response.create\"",
          "null",
          R"({"type":"response.create")",
          R"({"type":"response.create"} x)",
          R"({"type":"response.create","type":"other"})",
          R"({"type":"x","\u0074ype":"response.create"})",
          R"({"Type":"response.create"})",
          R"({"type":"x","TYPE":"response.create"})",
          R"({"type":"response.create","model":"a","model":"b"})",
          R"({"type":"response.create","Model":"b"})",
          R"({"type":"response.create","model":"a","Model":"b"})",
          R"({"type":"response.create","re)"
          "\xc5\xbf"
          R"(ponse":{"model":"b"}})",
          R"({"type":"response.create","response":{"model":"a","MODEL":"b"}})",
          R"({"type":"session.update","session":{"audio":{"input":{"transcription":{"model":"a","model":"b"}}}}})",
          R"({"type":7})",
          R"({"model":"m"})",
          R"({"type":null})",
          R"({"type":"Response.Create"})",
          R"({"type":" response.create"})",
          R"({"type":"response.create\u0000"})",
          R"({"type":"response.create","model":["m"]})",
          R"({"type":"response.create","a":NaN})",
          R"({"type":"response.create",})",
          "{\"type\":\"\xff\"}"}) {
        CHECK_MESSAGE(read_client_event(text).problem != "", text);
    }
}

TEST_CASE("websocket events: what a vendor says") {
    const ServerEvent created = server(R"({"type":"response.created","response":{"id":"r1","model":"m"}})");
    CHECK(created.kind == ServerKind::created);
    CHECK(created.response_id == "r1");
    CHECK(created.model == "m");
    for (const char* type : {"completed", "incomplete", "failed", "done", "cancelled"}) {
        const std::string text =
            R"({"event_id":"e","type":"response.)" + std::string(type) + R"(","response":{"id":"r"}})";
        CHECK(read_server_event(text, false).kind == ServerKind::ended);
    }
    const ServerEvent error = server(R"({"type":"error","event_id":"ours","error":{"event_id":"e7","message":"m"}})");
    CHECK(error.kind == ServerKind::error);
    CHECK(error.event_id == "e7");
    const ServerEvent delta = server(R"({"type":"response.text.delta","response_id":"r2","stream_id":"s"})");
    CHECK(delta.kind == ServerKind::other);
    CHECK(delta.response_id == "r2");
    CHECK(delta.stream_id == "s");
    const ServerEvent session = server(
        R"({"type":"session.created","session":{"model":"m","audio":{"input":{"transcription":{"model":"w"}}}}})");
    CHECK(session.kind == ServerKind::session);
    CHECK(session.model == "m");
    CHECK(session.transcriber == "w");
    CHECK(server("not JSON").kind == ServerKind::other);
}

TEST_CASE("websocket events: an error of ours names what it is about") {
    ClientEvent asked = read_client_event(R"({"type":"response.create","event_id":"e\"1","stream_id":"s"})");
    const Id trace = *Id::parse("0192f0c4a7e27b3a9c1d2e3f40516273");
    const json event = json::parse(error_event(429, "rate_limit_exceeded", "too \"much\"", asked, trace, 30));
    CHECK(event["type"] == "error");
    CHECK(event["status"] == 429);
    CHECK(event["stream_id"] == "s");
    CHECK(event["error"]["type"] == "rate_limit_error");
    CHECK(event["error"]["code"] == "rate_limit_exceeded");
    CHECK(event["error"]["event_id"] == "e\"1");
    CHECK(event["error"]["message"].get<std::string>().starts_with("too \"much\" (trace 0192"));
    CHECK(event["headers"]["retry-after"] == "30");
    CHECK(json::parse(error_event(400, "c", "m", ClientEvent(), trace))["error"]["event_id"].is_null());
}

TEST_CASE("websocket turns: several at once, named when they begin") {
    TurnList turns;
    turns.add(turn_of("a"));
    turns.add(turn_of("b"));
    CHECK(turns.begin(server(R"({"type":"response.created","response":{"id":"r1"}})"))->event_id == "a");
    CHECK(turns.begin(server(R"({"type":"response.created","response":{"id":"r2"}})"))->event_id == "b");
    CHECK(turns.begin(server(R"({"type":"response.created","response":{"id":"r3"}})")) == nullptr);
    CHECK(turns.of(server(R"({"type":"response.text.delta","response_id":"r2"})"))->event_id == "b");
    Turn* second = turns.ended(server(R"({"type":"response.done","response":{"id":"r2"}})")).turn;
    REQUIRE(second != nullptr);
    CHECK(turns.take(*second, false).event_id == "b");
    const auto again = turns.ended(server(R"({"type":"response.done","response":{"id":"r2"}})"));
    CHECK(again.turn == nullptr);
    CHECK(again.known);
    CHECK_FALSE(turns.ended(server(R"({"type":"response.done","response":{"id":"r9"}})")).known);
    CHECK(turns.size() == 1);
}

TEST_CASE("websocket turns: a vendor that says nothing but the end") {
    TurnList turns;
    for (const char* id : {"a", "b", "c"}) turns.add(turn_of(id));
    for (const char* id : {"a", "b", "c"}) {
        Turn* turn = turns.ended(server(R"({"type":"response.completed","response":{"id":"same"}})")).turn;
        REQUIRE(turn != nullptr);
        turn->response_id = "same";
        CHECK(turns.take(*turn, false).event_id == id);
    }
    CHECK(turns.empty());
}

TEST_CASE("websocket turns: the streams of one connection are apart") {
    TurnList turns;
    turns.add(turn_of("a", "one"));
    turns.add(turn_of("b", "two"));
    CHECK(turns.begin(server(R"({"type":"response.created","stream_id":"two","response":{"id":"r2"}})"))->event_id ==
          "b");
    CHECK(turns.of(server(R"({"type":"response.output_item.done","stream_id":"two"})"))->event_id == "b");
    CHECK(turns.begin(server(R"({"type":"response.created","stream_id":"two","response":{"id":"r3"}})")) == nullptr);
    CHECK(turns.failed(server(R"({"type":"error","stream_id":"one","error":{}})"))->event_id == "a");
}

TEST_CASE("websocket turns: which one an error ends") {
    TurnList turns;
    turns.add(turn_of("a"));
    turns.add(turn_of("b"));
    turns.begin(server(R"({"type":"response.created","response":{"id":"r1"}})"));
    CHECK(turns.failed(server(R"({"type":"error","error":{"event_id":"elsewhere"}})")) == nullptr);
    CHECK(turns.failed(server(R"({"type":"error","error":{"event_id":"a"}})"))->event_id == "a");
    Turn* waiting = turns.failed(server(R"({"type":"error","error":{"message":"one at a time"}})"));
    REQUIRE(waiting != nullptr);
    CHECK(waiting->event_id == "b");
    turns.take(*waiting, true);
    Turn* running = turns.failed(server(R"({"type":"error","error":{"message":"broken"}})"));
    REQUIRE(running != nullptr);
    turns.take(*running, true);
    turns.add(turn_of("c"));
    // The failure of the one that is gone is not the end of the one that waits.
    const auto late = turns.ended(server(R"({"type":"response.failed","response":{"id":"r1"}})"));
    CHECK(late.turn == nullptr);
    CHECK(late.known);
}

TEST_CASE("websocket digest: what matters of a message that is too long to keep") {
    const std::string picture(100'000, 'A');
    const json message = {{"type", "response.completed"},
                          {"stream_id", "s"},
                          {"response",
                           {{"id", "r"},
                            {"output", {{{"type", "image_generation_call"}, {"result", picture}, {"id", "not this"}}}},
                            {"model", "m"},
                            {"usage", {{"input_tokens", 3}, {"output_tokens", 4}}}}}};
    const std::string text = message.dump();
    MessageDigest digest;
    for (int round = 0; round < 2; ++round) {
        for (std::size_t at = 0; at < text.size(); at += 777) digest.on_part(std::string_view(text).substr(at, 777));
        const std::string kept = digest.take();
        CHECK(kept.size() < 300);
        const json read = json::parse(kept);
        CHECK(read["type"] == "response.completed");
        CHECK(read["stream_id"] == "s");
        CHECK(read["response"]["id"] == "r");
        CHECK(read["response"]["usage"]["output_tokens"] == 4);
        CHECK(server(kept).kind == ServerKind::ended);
    }
    CHECK(server(digest.take()).kind == ServerKind::other);
}

}  // namespace websocket_events_test
