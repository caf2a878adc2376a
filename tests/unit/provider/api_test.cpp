#include <algorithm>
#include <set>

#include "tests/unit/provider/api_support.hpp"

using namespace lurus;
using namespace lurus::provider::test;
using nlohmann::json;

TEST_CASE("api: the route table is documented") {
    const Api f;
    std::set<std::string> operations;
    for (const ApiRoute& route : f.providers->api()) {
        CAPTURE(route.path);
        CHECK(operations.insert(route.operation_id).second);
        CHECK_FALSE(route.summary.empty());
        for (const std::string& schema : {route.request_schema, route.response_schema}) {
            if (!schema.empty()) CHECK(json::parse(schema, nullptr, false).is_object());
        }
        CHECK(route.response_schema.empty() == (route.success == 204));
    }
    for (const char* name :
         {"listProviders", "addProvider", "getProvider", "removeProvider", "testProvider", "fetchProviderModels",
          "getProviderModels", "listRoutes", "addRoute", "removeRoute", "resolveModel", "listPresets"}) {
        CHECK_MESSAGE(operations.contains(name), name);
    }
}

TEST_CASE("api: providers are added, shown without their credential, removed") {
    Api f;
    const auto made =
        f.call("POST", "/api/v1/providers", {},
               R"({"name":"mine","kind":"kimi","api_key":"sk-very-secret-credential-wxyz","models":["kimi-*"],
                                 "headers":{"x-h":"header-secret"},"idle_timeout_ms":5000,"tls_verify":null})");
    CHECK(made.status == 201);
    CHECK(made.body["kind"] == "moonshot");
    CHECK(made.body["source"] == "store");
    CHECK(made.body["usable"] == true);
    CHECK(made.body["problem"] == nullptr);
    CHECK(made.body["credential"]["source"] == "stored");
    CHECK(made.body["credential"]["hint"] == "sk-v…wxyz");
    CHECK(made.body["endpoints"]["anthropic"]["base_url"] == "https://api.moonshot.ai/anthropic");
    CHECK(made.body["headers"] == json::array({"x-h"}));
    CHECK(made.body["idle_timeout_ms"] == 5000);
    CHECK(made.body["models_fetched"] == nullptr);
    for (const auto& text : {made.text, f.call("GET", "/api/v1/providers").text,
                             f.call("GET", "/api/v1/providers/{name}", {{"name", "mine"}}).text}) {
        CHECK(text.contains("mine"));
        CHECK_FALSE(text.contains("very-secret"));
        CHECK_FALSE(text.contains("header-secret"));
    }
    CHECK(f.call("POST", "/api/v1/providers", {}, R"({"name":"mine","kind":"openai"})").status == 409);
    CHECK(f.call("DELETE", "/api/v1/providers/{name}", {{"name", "mine"}}).status == 204);
    CHECK(f.call("GET", "/api/v1/providers/{name}", {{"name", "mine"}}).status == 404);
    CHECK(f.call("DELETE", "/api/v1/providers/{name}", {{"name", "mine"}}).status == 404);
}

TEST_CASE("api: wrong bodies are told apart") {
    Api f;
    const auto detail = [&](const std::string& body) {
        const auto answer = f.call("POST", "/api/v1/providers", {}, body);
        CHECK(answer.status == 400);
        return answer.body["detail"].get<std::string>();
    };
    CHECK(detail("").contains("not a JSON object"));
    CHECK(detail("[]").contains("not a JSON object"));
    CHECK(
        detail(R"({"name":"a","kind":"openai","apikey":"x"})").contains("'apikey' is unknown; there are: name, kind"));
    CHECK(detail(R"({"name":1})").contains("'name' must be a string"));
    CHECK(detail(R"({"name":"a","kind":"openai","models":"gpt"})").contains("'models' must be an array of strings"));
    CHECK(detail(R"({"name":"a","kind":"openai","idle_timeout_ms":1e99})").contains("must be a whole number"));
    CHECK(detail(R"({"name":"a","kind":"openai","headers":{"a":1}})").contains("an object of strings"));
    CHECK(detail(R"({"name":"a","kind":"nope"})").contains("kind 'nope' is unknown"));
    CHECK_FALSE(
        detail(R"({"name":"a","kind":"openai","api_key":"sk-secret\u0001","api_key_env":"X"})").contains("sk-secret"));
}

TEST_CASE("a provider is replaced in its place, and its credential goes nowhere else") {
    Api f;
    for (const char* name : {"a", "b", "c"}) {
        const std::string body = R"({"name":")" + std::string(name) +
                                 R"(","kind":"openai","base_url":"http://127.0.0.1:9/v1","api_key":"sk-one-)" + name +
                                 R"(","models":["m-*"]})";
        REQUIRE(f.call("POST", "/api/v1/providers", {}, body).status == 201);
    }
    const auto put = [&](const std::string& body) {
        return f.call("PUT", "/api/v1/providers/{name}", {{"name", "b"}}, body);
    };
    const auto same = put(R"({"kind":"openai","base_url":"http://127.0.0.1:9/v1","models":["n-*"],"disabled":true})");
    CHECK(same.status == 200);
    CHECK(same.body["models"] == json::parse(R"(["n-*"])"));
    CHECK(same.body["disabled"] == true);
    CHECK(f.find("b")->credential.reveal() == "sk-one-b");
    CHECK(f.providers->snapshot()->providers()[1]->name == "b");

    const auto moved = put(R"({"kind":"openai","base_url":"http://198.51.100.7/v1","models":["n-*"]})");
    CHECK(moved.status == 400);
    CHECK(moved.body["detail"].get<std::string>().contains("credential must be given again"));
    CHECK(put(R"({"kind":"anthropic","base_url":"http://127.0.0.1:9/v1"})").status == 400);
    CHECK(put(R"({"name":"other","kind":"openai"})").status == 400);
    CHECK(put(R"({"kind":"openai","base_url":"http://198.51.100.7/v1","api_key":"sk-two","models":["n-*"]})").status ==
          200);
    f.reopen();
    CHECK(f.find("b")->credential.reveal() == "sk-two");
    CHECK_FALSE(f.find("b")->disabled);
    CHECK(f.providers->snapshot()->providers()[1]->name == "b");
    CHECK(f.call("PUT", "/api/v1/providers/{name}", {{"name", "absent"}}, R"({"kind":"openai"})").status == 404);
    f.configure({spec("file", "openai")});
    CHECK(f.call("PUT", "/api/v1/providers/{name}", {{"name", "file"}}, R"({"kind":"openai"})").status == 409);
}

TEST_CASE("api: lists are filtered, sorted and cut into pages") {
    Api f;
    f.configure({spec("z", "openai"), spec("m", "anthropic"), spec("a", "openai")});
    const auto names = [&](const std::map<std::string, std::string>& query) {
        const auto answer = f.call("GET", "/api/v1/providers", {}, "", query);
        CHECK(answer.status == 200);
        std::string out;
        for (const auto& provider : answer.body["data"]) out += provider["name"].get<std::string>();
        return out;
    };
    CHECK(names({}) == "zma");
    CHECK(names({{"kind", "openai"}}) == "za");
    CHECK(names({{"kind", "openai"}, {"sort", "name"}}) == "az");
    CHECK(names({{"sort", "-name"}, {"limit", "2"}}) == "zm");
    CHECK(names({{"name", "?"}}) == "zma");
    CHECK(names({{"name", "x*"}}).empty());
    CHECK(f.call("GET", "/api/v1/providers", {}, "", {{"limit", "0"}}).status == 400);
    const auto page = f.call("GET", "/api/v1/providers", {}, "", {{"limit", "2"}}).body;
    CHECK(names({{"cursor", page["next"]}}) == "z");
    CHECK(f.call("GET", "/api/v1/presets", {}, "", {{"limit", "1"}}).body["data"].size() == 1);
}

TEST_CASE("api: what the file declares is read-only") {
    Api f;
    f.configure({spec("c", "openai")}, {route("r", {"c"}), route("*", {"c"}, Family::openai)});
    CHECK(f.call("DELETE", "/api/v1/providers/{name}", {{"name", "c"}}).status == 409);
    CHECK(f.call("DELETE", "/api/v1/routes/{model}", {{"model", "r"}}).status == 409);
    CHECK(f.call("POST", "/api/v1/routes", {}, R"({"model":"r","to":["c"]})").status == 409);
    const auto routes = f.call("GET", "/api/v1/routes").body["routes"];
    CHECK(routes.size() == 2);
    CHECK(routes[0] == json::parse(R"({"id":"r","model":"r","family":null,"to":["c"],"source":"config"})"));
    CHECK(routes[1]["family"] == "openai");
    CHECK(f.call("GET", "/api/v1/routes/{model}", {{"model", "r"}}).body["source"] == "config");
    CHECK(f.call("PATCH", "/api/v1/routes/{model}", {{"model", "r"}}, R"({"to":["c/x"]})").status == 409);
    CHECK(f.call("PATCH", "/api/v1/providers/{name}", {{"name", "c"}}, R"({"disabled":true})").status == 409);
}

TEST_CASE("api: routes") {
    Api f;
    f.configure({spec("c", "openai")});
    CHECK(f.call("POST", "/api/v1/routes", {}, R"({"model":"org/a","to":["c/gpt-5"]})").status == 201);
    CHECK(f.resolve(Family::openai, "org/a") == "c:gpt-5 (route)");
    CHECK(f.call("POST", "/api/v1/routes", {}, R"({"model":"org/a","to":["c/gpt-5"]})").status == 409);
    CHECK(f.call("POST", "/api/v1/routes", {}, R"({"family":"openai","to":["c/gpt-5-mini"]})").status == 201);
    CHECK(f.resolve(Family::openai, "unheard-of") == "c:gpt-5-mini (default for openai)");
    CHECK(f.call("POST", "/api/v1/routes", {}, R"({"model":"x","to":["gone/gpt-5"]})")
              .body["detail"]
              .get<std::string>()
              .contains("'gone/gpt-5'"));
    CHECK(f.call("POST", "/api/v1/routes", {}, R"({"model":"x","to":[]})").status == 400);
    CHECK(f.call("POST", "/api/v1/routes", {}, R"({"model":"x","to":["c"],"family":"klingon"})").status == 400);
    f.reopen();
    f.configure({spec("c", "openai")});
    CHECK(f.resolve(Family::openai, "org/a") == "c:gpt-5 (route)");
    CHECK(f.resolve(Family::openai, "unheard-of") == "c:gpt-5-mini (default for openai)");
    CHECK(f.call("DELETE", "/api/v1/routes/{model}", {{"model", "*"}}).status == 404);
    CHECK(f.call("DELETE", "/api/v1/routes/{model}", {{"model", "*"}}, "", {{"family", "openai"}}).status == 204);
    CHECK(f.call("DELETE", "/api/v1/routes/{model}", {{"model", "*"}}, "", {{"family", "x"}}).status == 400);
    CHECK(f.call("DELETE", "/api/v1/routes/{model}", {{"model", "org/a"}}).status == 204);
    CHECK(f.call("GET", "/api/v1/routes").body["routes"].empty());
}

TEST_CASE("api: presets") {
    Api f;
    const auto all = f.call("GET", "/api/v1/presets").body["presets"];
    const auto named = [&](const std::string& kind) {
        return *std::ranges::find_if(all, [&](const json& p) { return p["kind"] == kind; });
    };
    CHECK(all.size() == 17);
    CHECK(named("moonshot")["alias"] == "kimi");
    CHECK(named("anthropic")["key_env"] == "ANTHROPIC_API_KEY");
    CHECK(named("azure-openai")["needs_base_url"] == true);
    CHECK(named("ollama")["needs_key"] == false);
}

TEST_CASE("api: model lists are fetched page by page, kept, and used") {
    Api f;
    const ScriptedVendor vendor([](const std::string& request) {
        if (request.starts_with("GET /v1/models?limit=1000 ")) {
            return ScriptedVendor::json(
                200,
                R"({"data":[{"type":"model","id":"claude-a","created_at":"2025-09-29T00:00:00Z"}],"has_more":true,"last_id":"claude-a"})");
        }
        if (request.starts_with("GET /v1/models?limit=1000&after_id=claude-a ")) {
            return ScriptedVendor::json(
                200, R"({"data":[{"type":"model","id":"other-b"}],"has_more":false,"last_id":"other-b"})");
        }
        return ScriptedVendor::json(404, "{}");
    });
    f.configure({at(spec("a", "anthropic"), vendor.url())});
    CHECK(f.call("GET", "/api/v1/providers/{name}/models", {{"name", "a"}}).body["fetched"] == nullptr);
    CHECK(f.resolve(Family::anthropic, "other-b").starts_with("!"));
    const auto list = f.call("POST", "/api/v1/providers/{name}/models", {{"name", "a"}});
    CHECK(list.status == 200);
    CHECK(list.body["models"][0]["id"] == "claude-a");
    CHECK(list.body["models"][0]["created"] == "2025-09-29T00:00:00.000000Z");
    CHECK(list.body["models"][1] == json::parse(R"({"id":"other-b","created":null})"));
    CHECK(vendor.requests().at(0).contains("x-api-key: sk-test-0123456789abcdef\r\n"));
    CHECK(vendor.requests().at(0).contains("anthropic-version: 2023-06-01\r\n"));
    CHECK(f.resolve(Family::anthropic, "other-b") == "a:other-b (model list)");
    CHECK(f.models(Family::anthropic) == std::vector<std::string>{"claude-a", "other-b"});
    CHECK(f.call("GET", "/api/v1/providers/{name}", {{"name", "a"}}).body["models_listed"] == 2);
    f.reopen();
    f.configure({at(spec("a", "anthropic"), vendor.url())});
    CHECK(f.models(Family::anthropic) == std::vector<std::string>{"claude-a", "other-b"});
    CHECK(f.call("GET", "/api/v1/providers/{name}/models", {{"name", "a"}}).body["fetched"].is_string());
    // Another address has another list.
    f.configure({at(spec("a", "anthropic"), "http://127.0.0.1:9")});
    CHECK(f.models(Family::anthropic).empty());
    // Named models hold against the list.
    f.configure({at(spec("a", "anthropic", {"claude-*"}), vendor.url())});
    CHECK(f.call("POST", "/api/v1/providers/{name}/models", {{"name", "nope"}}).status == 404);
}

TEST_CASE("api: the other shapes of model lists") {
    Api f;
    const ScriptedVendor vendor([](const std::string& request) {
        if (request.starts_with("GET /v1beta/models?pageSize=1000 ")) {
            return ScriptedVendor::json(200, R"({"models":[{"name":"models/gemini-2.5-pro"}],"nextPageToken":"a b"})");
        }
        if (request.starts_with("GET /v1beta/models?pageSize=1000&pageToken=a%20b ")) {
            return ScriptedVendor::json(200, R"({"models":[{"name":"models/gemini-2.5-flash"}]})");
        }
        if (request.starts_with("GET /v1/models ")) {
            return ScriptedVendor::json(
                200, R"({"object":"list","data":[{"id":"gpt-4.1","created":1744316542},{"id":"gpt-4.1"}]})");
        }
        if (request.starts_with("GET /api/v4/models ")) return ScriptedVendor::json(200, R"([{"id":"bare"}])");
        return ScriptedVendor::json(500, R"({"error":{"message":"boom sk-test-0123456789abcdef boom"}})");
    });
    f.configure({at(spec("g", "gemini"), vendor.url()), at(spec("o", "openai"), vendor.url("/v1")),
                 at(spec("b", "openai-compatible"), vendor.url("/api/v4")),
                 at(spec("x", "openai"), vendor.url("/broken")), at(spec("z", "azure-openai"), vendor.url())});
    const auto fetch = [&](const char* name) {
        return f.call("POST", "/api/v1/providers/{name}/models", {{"name", name}});
    };
    CHECK(fetch("g").body["models"].size() == 2);
    CHECK(fetch("g").body["models"][0]["id"] == "gemini-2.5-pro");
    CHECK(fetch("o").body["models"] == json::parse(R"([{"id":"gpt-4.1","created":"2025-04-10T20:22:22.000000Z"}])"));
    CHECK(fetch("b").body["models"][0]["id"] == "bare");
    const auto broken = fetch("x");
    CHECK(broken.status == 503);
    CHECK(broken.text.contains("HTTP 500: boom [credential] boom"));
    CHECK(fetch("z").status == 400);
    CHECK(fetch("z").text.contains("declare them in 'models'"));
}

TEST_CASE("api: a test asks one small thing") {
    Api f;
    const ScriptedVendor vendor([](const std::string& request) {
        if (request.starts_with("GET /v1/models ")) return ScriptedVendor::json(200, R"({"data":[]})");
        if (request.contains(R"("model":"good")")) return ScriptedVendor::json(200, R"({"id":"x"})");
        if (request.contains(R"("model":"html")")) return ScriptedVendor::json(200, "<html>");
        return ScriptedVendor::json(401,
                                    R"({"error":{"message":"Incorrect API key provided: sk-test-0123456789abcdef"}})");
    });
    auto missing = spec("m", "openai", {}, "");
    missing.api_key_env = "LURUS_TEST_SURELY_UNSET";
    f.configure({at(spec("o", "openai"), vendor.url("/v1")), at(spec("n", "new-api"), vendor.url()),
                 at(spec("z", "azure-openai"), vendor.url()), missing});
    const auto test = [&](const char* name, const std::string& body) {
        return f.call("POST", "/api/v1/providers/{name}/test", {{"name", name}}, body);
    };
    auto ok = test("o", "");
    CHECK(ok.status == 200);
    CHECK(ok.body["ok"] == true);
    CHECK(ok.body["status"] == 200);
    CHECK(ok.body["latency_us"].get<int>() > 0);
    CHECK(test("o", R"({"model":"good"})").body["ok"] == true);
    CHECK(vendor.requests().back().starts_with("POST /v1/chat/completions "));
    CHECK(vendor.requests().back().contains("authorization: Bearer sk-test-0123456789abcdef\r\n"));
    CHECK(vendor.requests().back().contains(R"("max_completion_tokens":16)"));
    const auto html = test("o", R"({"model":"html"})");
    CHECK(html.body["ok"] == false);
    CHECK(html.body["detail"].get<std::string>().contains("base_url"));
    const auto bad = test("o", R"({"model":"bad"})");
    CHECK(bad.body["ok"] == false);
    CHECK(bad.body["status"] == 401);
    CHECK(bad.body["detail"] == "HTTP 401: Incorrect API key provided: [credential]");
    CHECK(test("n", R"({"model":"good","family":"gemini"})").body["ok"] == false);
    CHECK(vendor.requests().back().starts_with("POST /v1beta/models/good:generateContent "));
    CHECK(vendor.requests().back().contains("x-goog-api-key: sk-test"));
    CHECK(test("n", R"({"model":"good","family":"anthropic"})").body["ok"] == true);
    CHECK(vendor.requests().back().starts_with("POST /v1/messages "));
    CHECK(test("z", R"({"model":"good"})").body["ok"] == true);
    CHECK(vendor.requests().back().starts_with("POST /openai/v1/chat/completions "));
    CHECK(vendor.requests().back().contains("api-key: sk-test"));
    CHECK(test("o", R"({"family":"gemini"})").status == 400);
    CHECK(test("o", R"({"modell":"x"})").status == 400);
    CHECK(test("nope", "").status == 404);
    CHECK(test("m", "").body["detail"].get<std::string>().contains("LURUS_TEST_SURELY_UNSET"));
    f.configure({at(spec("o", "openai"), "http://127.0.0.1:1")});
    const auto gone = test("o", "");
    CHECK(gone.body["ok"] == false);
    CHECK(gone.body["status"] == nullptr);
    CHECK(gone.body["detail"].get<std::string>().contains("127.0.0.1:1"));
}
