#include "tests/unit/provider/demo_support.hpp"

namespace demo_responses_test {

using namespace lurus;
using namespace lurus::provider::test;

namespace {

json request(json more = json::object()) {
    json body{{"model", "gpt-5.5"}, {"input", "Hi"}};
    body.update(more);
    return body;
}

/// Checks the events' order and sums, returns the final response.
json assemble(const DemoAnswer& answer) {
    const auto events = events_of(answer);
    REQUIRE(events.size() >= 4);
    CHECK(events[0].name == "response.created");
    CHECK(events[1].name == "response.in_progress");
    json items = json::array();
    std::string running;
    int sequence = 0;
    for (const auto& [name, data] : events) {
        CHECK(data["type"] == name);
        CHECK(data["sequence_number"] == sequence++);
        if (name == "response.output_item.added") {
            CHECK(data["output_index"] == items.size());
            items.push_back(nullptr);
            running.clear();
        }
        if (name.ends_with(".delta")) running += data["delta"].get<std::string>();
        for (const char* key : {"text", "arguments", "input"}) {
            if (name.ends_with(".done") && data.contains(key)) CHECK(data[key] == running);
        }
        if (name == "response.output_item.done") items.back() = data["item"];
    }
    const json response = events.back().data["response"];
    CHECK(response["output"] == items);
    CHECK(response["id"] == events[0].data["response"]["id"]);
    CHECK(events[0].data["response"]["usage"].is_null());
    return response;
}

void check_usage(const json& usage) {
    CHECK(usage["total_tokens"] == usage["input_tokens"].get<int>() + usage["output_tokens"].get<int>());
    CHECK(usage["output_tokens_details"]["reasoning_tokens"].get<int>() <= usage["output_tokens"].get<int>());
    CHECK(usage["input_tokens_details"]["cached_tokens"].get<int>() <= usage["input_tokens"].get<int>());
}

json both_ways(json body) {
    const json whole = post_demo("/v1/responses", body).body();
    body["stream"] = true;
    const json streamed = assemble(post_demo("/responses", body));
    CHECK(whole["status"] == streamed["status"]);
    CHECK(whole["output"].size() == streamed["output"].size());
    for (std::size_t i = 0; i < whole["output"].size(); ++i) {
        CHECK(whole["output"][i]["type"] == streamed["output"][i]["type"]);
        CHECK(whole["output"][i].value("arguments", json()) == streamed["output"][i].value("arguments", json()));
    }
    check_usage(whole["usage"]);
    check_usage(streamed["usage"]);
    return streamed;
}

}  // namespace

TEST_CASE("demo responses: text") {
    const json response = both_ways(request());
    CHECK(response["status"] == "completed");
    CHECK(response["output"][0]["content"][0]["text"].get<std::string>().contains("\"Hi\""));
    CHECK(response["model"] == "gpt-5.5");
    const json cut = both_ways(request({{"max_output_tokens", 4}}));
    CHECK(cut["status"] == "incomplete");
    CHECK(cut["incomplete_details"]["reason"] == "max_output_tokens");
    CHECK(cut["usage"]["output_tokens"].get<int>() <= 4);
}

TEST_CASE("demo responses: reasoning with what was asked for") {
    const json plain = both_ways(request({{"reasoning", {{"effort", "medium"}}}}));
    CHECK(plain["output"][0]["type"] == "reasoning");
    CHECK(plain["output"][0]["summary"].empty());
    CHECK_FALSE(plain["output"][0].contains("encrypted_content"));
    CHECK(plain["usage"]["output_tokens_details"]["reasoning_tokens"].get<int>() > 0);
    const json full = both_ways(request(
        {{"reasoning", {{"effort", "low"}, {"summary", "auto"}}}, {"include", {"reasoning.encrypted_content"}}}));
    CHECK(full["output"][0]["summary"][0]["text"].get<std::string>().size() > 10);
    CHECK(full["output"][0]["encrypted_content"].get<std::string>().size() > 50);
    CHECK(full["output"][1]["type"] == "message");
    CHECK(both_ways(request({{"reasoning", {{"effort", "none"}}}}))["output"][0]["type"] == "message");
}

TEST_CASE("demo responses: function tools, and the way back") {
    const json tools =
        json::array({{{"type", "web_search"}},
                     {{"type", "function"}, {"name", "exec_command"}, {"parameters", json::parse(R"({"type":"object",
        "properties":{"cmd":{"type":"string"},"sandbox_permissions":{"type":"string","enum":["use_default"]}},"required":["cmd"]})")}}});
    const json response = both_ways(request({{"tools", tools}}));
    const json call = response["output"][0];
    CHECK(call["type"] == "function_call");
    CHECK(call["name"] == "exec_command");
    CHECK(call["arguments"] == R"({"cmd":"echo hello from lurus"})");
    CHECK_FALSE(call.contains("namespace"));
    json after = request({{"tools", tools}});
    after["input"] = {{{"type", "message"}, {"role", "user"}, {"content", {{{"type", "input_text"}, {"text", "go"}}}}},
                      call,
                      {{"type", "function_call_output"}, {"call_id", call["call_id"]}, {"output", "RES"}},
                      {{"type", "message"},
                       {"role", "user"},
                       {"content", {{{"type", "input_text"}, {"text", "<environment_context>"}}}}}};
    CHECK(both_ways(after)["output"][0]["content"][0]["text"].get<std::string>().contains("\"RES\""));
    CHECK(both_ways(request({{"tools", tools}, {"tool_choice", "none"}}))["output"][0]["type"] == "message");
}

TEST_CASE("demo responses: tools inside the input, in namespaces") {
    json body = request();
    body["input"] = {{{"type", "additional_tools"},
                      {"role", "developer"},
                      {"tools",
                       {{{"type", "namespace"},
                         {"name", "functions"},
                         {"tools",
                          {{{"type", "custom"}, {"name", "exec"}, {"description", "Run JavaScript code"}},
                           {{"type", "function"}, {"name", "wait"}, {"parameters", {{"type", "object"}}}}}}}}}},
                     {{"role", "user"}, {"content", {{{"type", "input_text"}, {"text", "go"}}}}}};
    const json call = both_ways(body)["output"][0];
    CHECK(call["type"] == "custom_tool_call");
    CHECK(call["name"] == "exec");
    CHECK(call["namespace"] == "functions");
    CHECK(call["input"].get<std::string>().contains("tools.exec_command"));
    body["input"].push_back(call);
    body["input"].push_back({{"type", "custom_tool_call_output"},
                             {"call_id", call["call_id"]},
                             {"output", {{{"type", "input_text"}, {"text", "OUT"}}}}});
    CHECK(both_ways(body)["output"][0]["content"][0]["text"].get<std::string>().contains("\"OUT\""));
}

TEST_CASE("demo responses: compaction") {
    json body = request({{"reasoning", {{"effort", "low"}}}});
    body["input"] = {{{"role", "user"}, {"content", "hi"}}, {{"type", "compaction_trigger"}}};
    const json response = both_ways(body);
    CHECK(response["output"].size() == 1);
    CHECK(response["output"][0]["type"] == "compaction");
    CHECK(response["output"][0]["encrypted_content"].get<std::string>().size() > 50);
    const json compacted =
        post_demo("/v1/responses/compact", {{"model", "gpt-5"}, {"input", {{{"role", "user"}, {"content", "hi"}}}}})
            .body();
    CHECK(compacted["object"] == "response.compaction");
    CHECK(compacted["output"].back()["type"] == "compaction");
    check_usage(compacted["usage"]);
}

TEST_CASE("demo responses: structured output") {
    const json schema = json::parse(
        R"({"type":"object","properties":{"ok":{"type":"boolean"},"list":{"type":"array","items":{"type":"number"}}},"required":["ok","list"]})");
    const json response =
        both_ways(request({{"text", {{"format", {{"type", "json_schema"}, {"name", "s"}, {"schema", schema}}}}}}));
    CHECK(json::parse(response["output"][0]["content"][0]["text"].get<std::string>()) ==
          json{{"ok", false}, {"list", {1.0}}});
}

TEST_CASE("demo responses: no memory, failures, counting") {
    const auto gone = ask_demo("GET", "/v1/responses/resp_1?include=x", "");
    CHECK(gone.status == 404);
    CHECK(gone.body()["error"]["message"].get<std::string>().contains("keeps no responses"));
    CHECK(ask_demo("POST", "/v1/responses/resp_1/cancel", "").status == 404);
    CHECK(post_demo("/v1/responses", {{"model", "m"}}).status == 400);
    CHECK(post_demo("/v1/responses/input_tokens", request()).body()["input_tokens"].get<int>() > 0);
    CHECK(post_demo("/v1/responses", request({{"model", "demo-error-500"}})).status == 500);
    CHECK(events_of(post_demo("/v1/responses", request({{"model", "demo-cut"}, {"stream", true}}))).back().name ==
          "response.output_item.done");
    CHECK(
        events_of(post_demo("/v1/responses", request({{"model", "demo-error-event"}, {"stream", true}}))).back().name ==
        "response.failed");
}

}  // namespace demo_responses_test
