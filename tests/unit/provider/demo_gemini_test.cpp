#include "tests/unit/provider/demo_support.hpp"

namespace demo_gemini_test {

using namespace lurus;
using namespace lurus::provider::test;

namespace {

json request(json more = json::object()) {
    json body{{"contents", {{{"role", "user"}, {"parts", {{{"text", "<session_context>"}}, {{"text", "Hi"}}}}}}}};
    body.update(more);
    return body;
}

json shell_tool(const char* key) {
    json declared{{"name", "run_shell_command"}};
    declared[key] =
        json::parse(R"({"type":"OBJECT","properties":{"command":{"type":"STRING"}},"required":["command"]})");
    return json::array({{{"functionDeclarations",
                          {{{"name", "update_topic"}, {"parametersJsonSchema", {{"type", "object"}}}}, declared}}}});
}

struct Assembled {
    std::string text;
    std::string thought;
    json call;
    std::string finish;
    json usage;
};

Assembled assemble(const std::vector<json>& chunks) {
    Assembled out;
    for (const json& chunk : chunks) {
        CHECK(chunk["modelVersion"] == "gemini-2.5-pro");
        for (const json& part : chunk["candidates"][0]["content"]["parts"]) {
            if (part.contains("functionCall")) {
                out.call = part;
            } else {
                (part.value("thought", false) ? out.thought : out.text) += part["text"].get<std::string>();
            }
        }
        CHECK(out.finish.empty());
        out.finish = chunk["candidates"][0].value("finishReason", "");
        out.usage = chunk["usageMetadata"];
    }
    const int sum = out.usage["promptTokenCount"].get<int>() + out.usage["candidatesTokenCount"].get<int>() +
                    out.usage.value("thoughtsTokenCount", 0);
    CHECK(out.usage["totalTokenCount"] == sum);
    return out;
}

/// JSON, SSE and the JSON array say the same.
Assembled three_ways(const json& body) {
    const Assembled whole = assemble({post_demo("/v1beta/models/gemini-2.5-pro:generateContent", body).body()});
    const auto array = post_demo("/v1/models/gemini-2.5-pro:streamGenerateContent", body);
    CHECK(array.header("content-type").starts_with("application/json"));
    std::vector<json> events;
    for (auto& event :
         events_of(post_demo("/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse", body), "\r\n"))
        events.push_back(event.data);
    for (const Assembled& other : {assemble(events), assemble(array.body().get<std::vector<json>>())}) {
        CHECK(other.text == whole.text);
        CHECK(other.thought == whole.thought);
        CHECK(other.call == whole.call);
        CHECK(other.finish == whole.finish);
        CHECK(other.usage == whole.usage);
    }
    return whole;
}

}  // namespace

TEST_CASE("demo gemini: text, thoughts, limits") {
    const auto plain = three_ways(request());
    CHECK(plain.text.contains("\"Hi\""));
    CHECK(plain.finish == "STOP");
    CHECK(plain.thought.empty());
    const auto thinking =
        three_ways(request({{"generationConfig", {{"thinkingConfig", {{"includeThoughts", true}}}}}}));
    CHECK(thinking.thought.size() > 10);
    CHECK(thinking.usage["thoughtsTokenCount"].get<int>() > 0);
    const auto cut = three_ways(request({{"generationConfig", {{"maxOutputTokens", 3}}}}));
    CHECK(cut.finish == "MAX_TOKENS");
    CHECK(cut.usage["candidatesTokenCount"].get<int>() <= 3);
}

TEST_CASE("demo gemini: function calls and the way back") {
    for (const char* key : {"parameters", "parametersJsonSchema"}) {
        const auto asked = three_ways(request({{"tools", shell_tool(key)}}));
        CHECK(asked.call["functionCall"]["name"] == "run_shell_command");
        CHECK(asked.call["functionCall"]["args"] == json{{"command", "echo hello from lurus"}});
        CHECK(asked.call["thoughtSignature"].get<std::string>().size() > 50);
        json after = request({{"tools", shell_tool(key)}});
        after["contents"].push_back({{"role", "model"}, {"parts", {asked.call}}});
        after["contents"].push_back(
            {{"role", "user"},
             {"parts", {{{"functionResponse", {{"name", "run_shell_command"}, {"response", {{"output", "RES"}}}}}}}}});
        CHECK(three_ways(after).text.contains("\"RES\""));
    }
    CHECK(three_ways(request({{"tools", shell_tool("parameters")},
                              {"toolConfig", {{"functionCallingConfig", {{"mode", "NONE"}}}}}}))
              .call.is_null());
}

TEST_CASE("demo gemini: JSON that matches a schema") {
    const json schema = json::parse(
        R"({"type":"OBJECT","properties":{"complexity_reasoning":{"type":"STRING"},"complexity_score":{"type":"INTEGER"}},
                                        "required":["complexity_reasoning","complexity_score"]})");
    for (const char* key : {"responseSchema", "responseJsonSchema"}) {
        json config{{"responseMimeType", "application/json"}};
        config[key] = schema;
        const json value = json::parse(three_ways(request({{"generationConfig", config}})).text);
        CHECK(value["complexity_reasoning"].is_string());
        CHECK(value["complexity_score"].is_number_integer());
    }
}

TEST_CASE("demo gemini: counting, embeddings, models, failures") {
    CHECK(post_demo("/v1beta/models/gemini-2.5-pro:countTokens", request()).body()["totalTokens"].get<int>() > 0);
    CHECK(post_demo("/v1beta/models/m:countTokens", {{"generateContentRequest", request()}})
              .body()["totalTokens"]
              .get<int>() > 0);
    const json one = post_demo("/v1beta/models/gemini-embedding-001:embedContent",
                               {{"content", {{"parts", {{{"text", "a"}}}}}}, {"outputDimensionality", 8}})
                         .body();
    CHECK(one["embedding"]["values"].size() == 8);
    const json many =
        post_demo("/v1beta/models/gemini-embedding-001:batchEmbedContents",
                  {{"requests",
                    {{{"content", {{"parts", {{{"text", "a"}}}}}}}, {{"content", {{"parts", {{{"text", "b"}}}}}}}}}})
            .body();
    CHECK(many["embeddings"].size() == 2);
    CHECK(many["embeddings"][0]["values"].size() == 3072);
    const json list = ask_demo("GET", "/v1beta/models", "").body();
    CHECK(list["models"][0]["name"].get<std::string>().starts_with("models/"));
    CHECK(ask_demo("GET", "/v1/models?key=k", "").body().contains("models"));
    CHECK(ask_demo("GET", "/v1beta/models/gemini-2.5-pro", "").body()["name"] == "models/gemini-2.5-pro");

    const auto limited = post_demo("/v1beta/models/demo-error-429:generateContent", request());
    CHECK(limited.status == 429);
    CHECK(limited.body()["error"]["status"] == "RESOURCE_EXHAUSTED");
    CHECK(post_demo("/v1beta/models/demo-error-529:generateContent", request()).body()["error"]["status"] ==
          "UNAVAILABLE");
    CHECK(post_demo("/v1beta/models/m:generateContent", json::object()).status == 400);
    CHECK(ask_demo("POST", "/v1beta/models/m:generateContent", "x").status == 400);
    CHECK(post_demo("/v1beta/models/m:predict", request()).status == 404);
    const auto cut = events_of(post_demo("/v1beta/models/demo-cut:streamGenerateContent?alt=sse", request()), "\r\n");
    CHECK_FALSE(cut.back().data["candidates"][0].contains("finishReason"));
    const auto broken = post_demo("/v1beta/models/demo-cut:streamGenerateContent", request());
    CHECK(json::parse(broken.text, nullptr, false).is_discarded());
}

}  // namespace demo_gemini_test
