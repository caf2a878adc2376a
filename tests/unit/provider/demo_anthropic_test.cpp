#include "tests/unit/provider/demo_support.hpp"

using namespace lurus;
using namespace lurus::provider::test;

namespace {

json request(json more = json::object()) {
    json body{{"model", "claude-sonnet-4-5"},
              {"max_tokens", 1024},
              {"messages", {{{"role", "user"}, {"content", "Hi \"there\""}}}}};
    body.update(more);
    return body;
}

json bash_tool() {
    return json::array({{{"name", "Edit"}, {"input_schema", {{"type", "object"}}}},
                        {{"name", "Bash"}, {"input_schema", bash_schema}}});
}

/// What a client puts together from the events.
json assemble(const DemoAnswer& answer) {
    json message;
    bool ended = false;
    std::vector<std::string> partial;
    for (const auto& [name, data] : events_of(answer)) {
        CHECK(data["type"] == name);
        CHECK_FALSE(ended);
        if (name == "message_start") message = data["message"];
        if (name == "content_block_start") {
            CHECK(data["index"] == message["content"].size());
            message["content"].push_back(data["content_block"]);
            partial.emplace_back();
        }
        if (name == "content_block_delta") {
            json& block = message["content"].at(data["index"].get<std::size_t>());
            const json& delta = data["delta"];
            if (delta["type"] == "text_delta")
                block["text"] = block["text"].get<std::string>() + delta["text"].get<std::string>();
            if (delta["type"] == "thinking_delta")
                block["thinking"] = block["thinking"].get<std::string>() + delta["thinking"].get<std::string>();
            if (delta["type"] == "signature_delta") block["signature"] = delta["signature"];
            if (delta["type"] == "input_json_delta") partial.back() += delta["partial_json"].get<std::string>();
        }
        if (name == "content_block_stop" && !partial.back().empty())
            message["content"].back()["input"] = json::parse(partial.back());
        if (name == "message_delta") {
            message.update(data["delta"]);
            message["usage"].update(data["usage"]);
        }
        ended = name == "message_stop";
    }
    CHECK(ended);
    return message;
}

void check_usage(const json& usage) {
    CHECK(usage["input_tokens"].get<int>() > 0);
    CHECK(usage["output_tokens"].get<int>() > 0);
    CHECK(usage["cache_creation_input_tokens"].get<int>() ==
          usage["cache_creation"]["ephemeral_5m_input_tokens"].get<int>() +
              usage["cache_creation"]["ephemeral_1h_input_tokens"].get<int>());
}

/// The same answer streamed and not.
json both_ways(json body) {
    const json whole = post_demo("/v1/messages", body).body();
    body["stream"] = true;
    const json streamed = assemble(post_demo("/v1/messages?beta=true", body));
    CHECK(whole["content"].size() == streamed["content"].size());
    CHECK(whole["stop_reason"] == streamed["stop_reason"]);
    for (const json& message : {whole, streamed}) {
        CHECK(message["type"] == "message");
        CHECK(message["role"] == "assistant");
        check_usage(message["usage"]);
    }
    for (std::size_t i = 0; i < whole["content"].size(); ++i) {
        CHECK(whole["content"][i]["type"] == streamed["content"][i]["type"]);
        for (const char* key : {"text", "input", "name", "thinking"}) {
            CHECK(whole["content"][i].value(key, json()) == streamed["content"][i].value(key, json()));
        }
    }
    return whole;
}

}  // namespace

TEST_CASE("demo anthropic: text, the same each time") {
    const json message = both_ways(request());
    CHECK(message["model"] == "claude-sonnet-4-5");
    CHECK(message["stop_reason"] == "end_turn");
    CHECK(message["content"][0]["text"].get<std::string>().contains("You said: \"Hi 'there'\""));
    const auto again = post_demo("/v1/messages", request());
    CHECK(again.body() == post_demo("/v1/messages", request()).body());
    CHECK(again.header("request-id").starts_with("req_"));
    CHECK_FALSE(message["usage"].contains("output_tokens_details"));
}

TEST_CASE("demo anthropic: a tool call, then the closing text") {
    const json call = both_ways(request({{"tools", bash_tool()}}));
    CHECK(call["stop_reason"] == "tool_use");
    CHECK(call["content"][0]["name"] == "Bash");
    CHECK(call["content"][0]["input"] == json{{"command", "echo hello from lurus"}});
    json after = request({{"tools", bash_tool()}});
    after["messages"].push_back({{"role", "assistant"}, {"content", call["content"]}});
    after["messages"].push_back(
        {{"role", "user"},
         {"content",
          {{{"type", "tool_result"}, {"tool_use_id", call["content"][0]["id"]}, {"content", "ROUNDTRIP"}},
           {{"type", "text"}, {"text", "<system-reminder>x"}}}}});
    after["messages"].push_back({{"role", "system"}, {"content", "note"}});
    const json end = both_ways(after);
    CHECK(end["stop_reason"] == "end_turn");
    CHECK(end["content"][0]["text"].get<std::string>().contains("ROUNDTRIP"));

    CHECK(both_ways(request({{"tools", bash_tool()}, {"tool_choice", {{"type", "none"}}}}))["stop_reason"] ==
          "end_turn");
    CHECK(both_ways(request({{"tools", bash_tool()},
                             {"tool_choice", {{"type", "tool"}, {"name", "Edit"}}}}))["content"][0]["name"] == "Edit");
    CHECK(both_ways(request({{"tools", {{{"type", "web_search_20250305"}, {"name", "web_search"}}}}}))["stop_reason"] ==
          "end_turn");
    json compact = request({{"tools", bash_tool()}});
    compact["messages"][0]["content"] = "Your task is to create a detailed summary of the conversation so far";
    CHECK(both_ways(compact)["stop_reason"] == "end_turn");
}

TEST_CASE("demo anthropic: thinking with a signature, when asked for") {
    for (const char* type : {"enabled", "adaptive"}) {
        const json message =
            both_ways(request({{"thinking", {{"type", type}, {"budget_tokens", 1024}}}, {"max_tokens", 4096}}));
        CHECK(message["content"][0]["type"] == "thinking");
        CHECK(message["content"][0]["thinking"].get<std::string>().size() > 10);
        CHECK(message["content"][0]["signature"].get<std::string>().size() > 50);
        CHECK(message["content"][1]["type"] == "text");
        const auto& usage = message["usage"];
        CHECK(usage["output_tokens_details"]["thinking_tokens"].get<int>() > 0);
        CHECK(usage["output_tokens_details"]["thinking_tokens"].get<int>() < usage["output_tokens"].get<int>());
    }
    const json hidden = both_ways(request({{"thinking", {{"type", "adaptive"}, {"display", "omitted"}}}}));
    CHECK(hidden["content"][0]["thinking"] == "");
    CHECK(hidden["content"][0]["signature"] != "");
    CHECK(both_ways(request({{"thinking", {{"type", "disabled"}}}}))["content"][0]["type"] == "text");
}

TEST_CASE("demo anthropic: max_tokens cuts") {
    const json message = both_ways(request({{"max_tokens", 5}}));
    CHECK(message["stop_reason"] == "max_tokens");
    CHECK(message["usage"]["output_tokens"].get<int>() <= 5);
    CHECK(both_ways(request({{"max_tokens", 1}}))["usage"]["output_tokens"] == 1);
}

TEST_CASE("demo anthropic: cache classes from breakpoints add up") {
    std::string words(800, 'a');
    words += " b";
    json spaced = json::array();
    for (int i = 0; i < 10; ++i) spaced.push_back({{"type", "text"}, {"text", words}});
    spaced.back()["cache_control"] = {{"type", "ephemeral"}};
    const json first = both_ways(request({{"system", spaced}}))["usage"];
    const int total = post_demo("/v1/messages/count_tokens", request({{"system", spaced}})).body()["input_tokens"];
    CHECK(first["cache_read_input_tokens"] == 0);
    CHECK(first["cache_creation"]["ephemeral_5m_input_tokens"].get<int>() > 1024);
    CHECK(first["input_tokens"].get<int>() + first["cache_creation_input_tokens"].get<int>() == total);

    json second = request({{"system", spaced}});
    second["messages"].push_back({{"role", "assistant"}, {"content", "ok"}});
    second["messages"].push_back(
        {{"role", "user"},
         {"content",
          {{{"type", "text"}, {"text", "more"}, {"cache_control", {{"type", "ephemeral"}, {"ttl", "1h"}}}}}}});
    const json usage = both_ways(second)["usage"];
    CHECK(usage["cache_read_input_tokens"].get<int>() > 1024);
    CHECK(usage["cache_creation"]["ephemeral_1h_input_tokens"].get<int>() > 0);
    CHECK(usage["cache_creation"]["ephemeral_5m_input_tokens"] == 0);
}

TEST_CASE("demo anthropic: structured output matches its schema") {
    const json schema = json::parse(
        R"({"type":"object","properties":{"title":{"type":"string","maxLength":5},"n":{"type":"integer","minimum":7}},"required":["title"]})");
    const json message =
        both_ways(request({{"output_config", {{"format", {{"type", "json_schema"}, {"schema", schema}}}}}}));
    const json value = json::parse(message["content"][0]["text"].get<std::string>());
    CHECK(value == json{{"title", "A dem"}, {"n", 7}});
}

TEST_CASE("demo anthropic: counting, and failures in its own shape") {
    CHECK(post_demo("/v1/messages/count_tokens?beta=true",
                    {{"model", "m"}, {"messages", {{{"role", "user"}, {"content", "foo"}}}}, {"tools", json::array()}})
              .body()["input_tokens"] > 0);
    const auto refused = [](const json& body) {
        const auto answer = post_demo("/v1/messages", body);
        CHECK(answer.status == 400);
        CHECK(answer.body()["type"] == "error");
        CHECK(answer.body()["error"]["type"] == "invalid_request_error");
        return answer.body()["error"]["message"].get<std::string>();
    };
    CHECK(refused({{"max_tokens", 1}}) == "model: Field required");
    CHECK(refused({{"model", "m"}}) == "messages: Field required");
    CHECK(refused({{"model", "m"}, {"messages", json::array()}}).contains("at least one"));
    CHECK(refused({{"model", "m"}, {"messages", {{{"role", "user"}, {"content", "x"}}}}}).contains("max_tokens"));
    CHECK(ask_demo("POST", "/v1/messages", "{nope").status == 400);
    CHECK(ask_demo("POST", "/v1/messages", std::string(1'000'000, '[')).status == 400);
    CHECK(ask_demo("GET", "/v1/messages", "", {{"anthropic-version", "2023-06-01"}}).status == 405);

    const auto limited = post_demo("/v1/messages", request({{"model", "demo-error-429"}}));
    CHECK(limited.status == 429);
    CHECK(limited.header("retry-after") == "1");
    CHECK(limited.body()["error"]["type"] == "rate_limit_error");
    CHECK(post_demo("/v1/messages", request({{"model", "demo-error-529"}})).body()["error"]["type"] ==
          "overloaded_error");
    CHECK(post_demo("/v1/messages", request({{"model", "demo-error-500"}})).body()["error"]["type"] == "api_error");
    CHECK(post_demo("/v1/messages", request({{"model", "demo-error-77"}})).status == 200);

    const auto cut = events_of(post_demo("/v1/messages", request({{"model", "demo-cut"}, {"stream", true}})));
    CHECK(cut.back().name == "content_block_stop");
    const auto error = events_of(post_demo("/v1/messages", request({{"model", "demo-error-event"}, {"stream", true}})));
    CHECK(error.size() == 1);
    CHECK(error[0].data["error"]["type"] == "overloaded_error");
}

TEST_CASE("demo anthropic: models") {
    const json list = ask_demo("GET", "/v1/models?limit=1000", "", {{"anthropic-version", "2023-06-01"}}).body();
    CHECK(list["has_more"] == false);
    CHECK(list["data"][0]["type"] == "model");
    CHECK(list["last_id"] == list["data"].back()["id"]);
    CHECK(ask_demo("GET", "/v1/models/claude-haiku-4-5", "", {{"x-api-key", "k"}}).body()["id"] == "claude-haiku-4-5");
    CHECK(ask_demo("GET", "/v1/models/none", "", {{"x-api-key", "k"}}).status == 404);
}
