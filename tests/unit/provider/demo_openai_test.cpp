#include <cmath>
#include <cstring>

#include "tests/unit/provider/demo_support.hpp"

namespace demo_openai_test {

using namespace lurus;
using namespace lurus::provider::test;

namespace {

json chat(json more = json::object()) {
    json body{{"model", "gpt-4.1"},
              {"messages", {{{"role", "system"}, {"content", "be brief"}}, {{"role", "user"}, {"content", "Hi"}}}}};
    body.update(more);
    return body;
}

json bash_tool() {
    return json::array({{{"type", "function"}, {"function", {{"name", "bash"}, {"parameters", bash_schema}}}}});
}

void check_usage(const json& usage) {
    CHECK(usage["prompt_tokens"].get<int>() > 0);
    CHECK(usage["total_tokens"].get<int>() ==
          usage["prompt_tokens"].get<int>() + usage["completion_tokens"].get<int>());
    CHECK(usage["prompt_tokens_details"]["cached_tokens"].get<int>() <= usage["prompt_tokens"].get<int>());
    CHECK(usage["completion_tokens_details"]["reasoning_tokens"].get<int>() <= usage["completion_tokens"].get<int>());
}

json assemble(const DemoAnswer& answer, bool with_usage) {
    json message{{"content", ""}};
    json out;
    const auto events = events_of(answer);
    CHECK(events.back().data.is_null());
    for (std::size_t i = 0; i + 1 < events.size(); ++i) {
        const json& data = events[i].data;
        CHECK(data["object"] == "chat.completion.chunk");
        const bool last = i + 2 == events.size();
        CHECK(data.contains("usage") == with_usage);
        if (last && with_usage) {
            CHECK(data["choices"].empty());
            out["usage"] = data["usage"];
            continue;
        }
        const json& choice = data["choices"].at(0);
        const json& delta = choice["delta"];
        if (delta.contains("content") && delta["content"].is_string()) {
            message["content"] = message["content"].get<std::string>() + delta["content"].get<std::string>();
        }
        if (delta.contains("tool_calls")) {
            const json& part = delta["tool_calls"][0];
            if (part.contains("id")) {
                message["tool_calls"] = json::array({part});
            } else {
                auto& text = message["tool_calls"][0]["function"]["arguments"].get_ref<std::string&>();
                text += part["function"]["arguments"].get<std::string>();
            }
        }
        if (!choice["finish_reason"].is_null()) out["finish_reason"] = choice["finish_reason"];
    }
    out["message"] = std::move(message);
    return out;
}

}  // namespace

TEST_CASE("demo chat: text whole and streamed, usage only when asked for") {
    const json whole = post_demo("/v1/chat/completions", chat()).body();
    CHECK(whole["object"] == "chat.completion");
    CHECK(whole["choices"][0]["finish_reason"] == "stop");
    const std::string text = whole["choices"][0]["message"]["content"];
    CHECK(text.contains("You said: \"Hi\""));
    check_usage(whole["usage"]);
    const json plain = assemble(post_demo("/v1/chat/completions", chat({{"stream", true}})), false);
    CHECK(plain["message"]["content"] == text);
    CHECK(plain["finish_reason"] == "stop");
    const json counted = assemble(
        post_demo("/v1/chat/completions", chat({{"stream", true}, {"stream_options", {{"include_usage", true}}}})),
        true);
    CHECK(counted["message"]["content"] == text);
    CHECK(counted["usage"] == whole["usage"]);
}

TEST_CASE("demo chat: tools, choices, limits, formats") {
    const json whole = post_demo("/v1/chat/completions", chat({{"tools", bash_tool()}})).body();
    CHECK(whole["choices"][0]["finish_reason"] == "tool_calls");
    const json call = whole["choices"][0]["message"]["tool_calls"][0];
    CHECK(call["function"]["name"] == "bash");
    CHECK(json::parse(call["function"]["arguments"].get<std::string>()) == json{{"command", "echo hello from lurus"}});
    const json streamed =
        assemble(post_demo("/v1/chat/completions", chat({{"tools", bash_tool()}, {"stream", true}})), false);
    CHECK(streamed["finish_reason"] == "tool_calls");
    CHECK(streamed["message"]["tool_calls"][0]["function"] == call["function"]);

    json after = chat({{"tools", bash_tool()}});
    after["messages"].push_back({{"role", "assistant"}, {"content", nullptr}, {"tool_calls", json::array({call})}});
    after["messages"].push_back({{"role", "tool"}, {"tool_call_id", call["id"]}, {"content", "RES"}});
    CHECK(post_demo("/v1/chat/completions", after)
              .body()["choices"][0]["message"]["content"]
              .get<std::string>()
              .contains("\"RES\""));
    CHECK(post_demo("/v1/chat/completions", chat({{"tools", bash_tool()}, {"tool_choice", "none"}}))
              .body()["choices"][0]["finish_reason"] == "stop");

    const json legacy = post_demo("/v1/chat/completions",
                                  chat({{"functions", {{{"name", "f"}, {"parameters", {{"type", "object"}}}}}}}))
                            .body();
    CHECK(legacy["choices"][0]["finish_reason"] == "function_call");
    CHECK(legacy["choices"][0]["message"]["function_call"]["name"] == "f");

    const json custom =
        post_demo("/v1/chat/completions", chat({{"tools", {{{"type", "custom"}, {"custom", {{"name", "code"}}}}}}}))
            .body();
    CHECK(custom["choices"][0]["message"]["tool_calls"][0]["custom"]["input"] == "hello from lurus");

    const json two = post_demo("/v1/chat/completions", chat({{"n", 2}})).body();
    CHECK(two["choices"].size() == 2);
    check_usage(two["usage"]);
    const json cut = post_demo("/v1/chat/completions", chat({{"max_completion_tokens", 3}})).body();
    CHECK(cut["choices"][0]["finish_reason"] == "length");
    CHECK(cut["usage"]["completion_tokens"].get<int>() <= 3);
    const json reasoned = post_demo("/v1/chat/completions", chat({{"reasoning_effort", "high"}})).body();
    CHECK(reasoned["usage"]["completion_tokens_details"]["reasoning_tokens"].get<int>() > 0);
    check_usage(reasoned["usage"]);

    const json schema = json::parse(
        R"({"type":"object","properties":{"a":{"$ref":"#/$defs/A"},"b":{"type":["integer","null"]}},"required":["a","b"],
                                        "$defs":{"A":{"anyOf":[{"type":"null"},{"enum":["x","y"]}]}}})");
    const json shaped =
        post_demo("/v1/chat/completions",
                  chat({{"response_format",
                         {{"type", "json_schema"}, {"json_schema", {{"name", "s"}, {"schema", schema}}}}}}))
            .body();
    CHECK(json::parse(shaped["choices"][0]["message"]["content"].get<std::string>()) == json{{"a", "x"}, {"b", 1}});
    const json object =
        post_demo("/v1/chat/completions", chat({{"response_format", {{"type", "json_object"}}}})).body();
    CHECK(json::parse(object["choices"][0]["message"]["content"].get<std::string>()).is_object());
}

TEST_CASE("demo chat: a long earlier turn counts as cached") {
    json body = chat();
    std::string words;
    for (int i = 0; i < 2000; ++i) words += "word ";
    body["messages"][0]["content"] = words;
    CHECK(post_demo("/v1/chat/completions", body).body()["usage"]["prompt_tokens_details"]["cached_tokens"] == 0);
    body["messages"].push_back({{"role", "assistant"}, {"content", "ok"}});
    body["messages"].push_back({{"role", "user"}, {"content", "more"}});
    const json usage = post_demo("/v1/chat/completions", body).body()["usage"];
    CHECK(usage["prompt_tokens_details"]["cached_tokens"].get<int>() >= 1024);
    CHECK(usage["prompt_tokens_details"]["cached_tokens"].get<int>() % 128 == 0);
    check_usage(usage);
}

TEST_CASE("demo openai: failures") {
    CHECK(ask_demo("POST", "/v1/chat/completions", "x").body()["error"]["type"] == "invalid_request_error");
    CHECK(post_demo("/v1/chat/completions", {{"model", "m"}}).body()["error"]["message"] ==
          "Missing required parameter: 'messages'.");
    CHECK(post_demo("/v1/chat/completions", {{"messages", json::array()}}).status == 400);
    const auto limited = post_demo("/v1/chat/completions", chat({{"model", "demo-error-429"}}));
    CHECK(limited.status == 429);
    CHECK(limited.body()["error"]["code"] == "rate_limit_exceeded");
    const auto cut = events_of(post_demo("/v1/chat/completions", chat({{"model", "demo-cut"}, {"stream", true}})));
    CHECK(cut.back().data["choices"][0]["finish_reason"].is_null());
    CHECK(events_of(post_demo("/v1/chat/completions", chat({{"model", "demo-error-event"}, {"stream", true}})))[0]
              .data.contains("error"));
    CHECK(ask_demo("POST", "/v1/nothing", "{}").status == 404);
    CHECK(ask_demo("DELETE", "/v1/chat/completions", "").status == 405);
}

TEST_CASE("demo openai: completions") {
    const json whole = post_demo("/v1/completions", {{"model", "m"}, {"prompt", "Once"}}).body();
    CHECK(whole["object"] == "text_completion");
    CHECK(whole["choices"][0]["text"].get<std::string>().contains("Once"));
    std::string text;
    for (const auto& event :
         events_of(post_demo("/v1/completions", {{"model", "m"}, {"prompt", "Once"}, {"stream", true}}))) {
        if (!event.data.is_null()) text += event.data["choices"][0]["text"].get<std::string>();
    }
    CHECK(text == whole["choices"][0]["text"].get<std::string>());
}

TEST_CASE("demo openai: embeddings are unit vectors that depend on the text") {
    const json two = post_demo("/v1/embeddings", {{"model", "text-embedding-3-small"}, {"input", {"a", "b"}}}).body();
    CHECK(two["data"].size() == 2);
    CHECK(two["data"][0]["embedding"].size() == 1536);
    CHECK(two["data"][0]["embedding"] != two["data"][1]["embedding"]);
    CHECK(two["usage"]["prompt_tokens"] == 2);
    double square = 0;
    for (const json& value : two["data"][0]["embedding"]) square += value.get<double>() * value.get<double>();
    CHECK(std::abs(square - 1) < 1e-5);

    const json packed =
        post_demo(
            "/v1/embeddings",
            {{"model", "text-embedding-3-small"}, {"input", "a"}, {"encoding_format", "base64"}, {"dimensions", 3}})
            .body();
    const json plain =
        post_demo("/v1/embeddings", {{"model", "text-embedding-3-small"}, {"input", "a"}, {"dimensions", 3}}).body();
    CHECK(packed["data"][0]["embedding"].get<std::string>().size() == 16);
    CHECK(plain["data"][0]["embedding"].size() == 3);
    CHECK(post_demo("/v1/embeddings", {{"model", "m"}, {"input", {1, 2, 3}}}).body()["data"].size() == 1);
    CHECK(post_demo("/v1/embeddings", {{"model", "m"}, {"input", "a"}, {"dimensions", 9999}}).status == 400);
    CHECK(post_demo("/v1/embeddings", {{"model", "m"}, {"input", json::array()}}).status == 400);
}

TEST_CASE("demo openai: moderations, pictures, sound") {
    const json judged = post_demo("/v1/moderations", {{"input", {"a", "b"}}}).body();
    CHECK(judged["results"].size() == 2);
    CHECK(judged["results"][0]["flagged"] == false);
    CHECK(judged["results"][0]["categories"].size() == judged["results"][0]["category_scores"].size());

    const json pictures =
        post_demo("/v1/images/generations", {{"model", "gpt-image-1"}, {"prompt", "a cat"}, {"n", 2}}).body();
    CHECK(pictures["data"].size() == 2);
    CHECK(pictures["data"][0]["b64_json"].get<std::string>().starts_with("iVBORw0KGgo"));
    CHECK(pictures["usage"]["total_tokens"] ==
          pictures["usage"]["input_tokens"].get<int>() + pictures["usage"]["output_tokens"].get<int>());
    CHECK(post_demo("/v1/images/generations", {{"model", "dall-e-3"}, {"prompt", "x"}, {"response_format", "url"}})
              .body()["data"][0]["url"]
              .get<std::string>()
              .starts_with("data:image/png"));
    CHECK(post_demo("/v1/images/generations", {{"model", "m"}}).status == 400);

    const auto sound = post_demo("/v1/audio/speech", {{"model", "tts-1"}, {"input", "hi"}, {"voice", "alloy"}});
    CHECK(sound.header("content-type") == "audio/wav");
    CHECK(sound.text.starts_with("RIFF"));
    std::uint32_t size = 0;
    std::memcpy(&size, sound.text.data() + 4, 4);
    CHECK(size == sound.text.size() - 8);

    const auto form = [](const std::string& format) {
        return "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n--b\r\nContent-Disposition: "
               "form-data; name=\"response_format\"\r\n\r\n" +
               format + "\r\n--b--\r\n";
    };
    CHECK(ask_demo("POST", "/v1/audio/transcriptions", form("json")).body()["usage"]["type"] == "tokens");
    CHECK(ask_demo("POST", "/v1/audio/transcriptions", form("verbose_json")).body()["segments"].size() == 1);
    CHECK(ask_demo("POST", "/v1/audio/translations", form("text")).text.starts_with("Hello"));
    CHECK(ask_demo("POST", "/v1/audio/transcriptions", "--b--").status == 400);
}

TEST_CASE("demo openai: models") {
    const json list = ask_demo("GET", "/v1/models", "").body();
    CHECK(list["object"] == "list");
    CHECK(list["data"][0]["object"] == "model");
    CHECK(ask_demo("GET", "/v1/models/gpt-4.1", "").body()["id"] == "gpt-4.1");
}

}  // namespace demo_openai_test
