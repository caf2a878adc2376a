// Providers and routes that are changed in part.
#include "tests/unit/provider/api_support.hpp"

using namespace lurus;
using namespace lurus::provider::test;

TEST_CASE("api: a provider is changed in part, and its secrets stay where they are") {
    Api f;
    REQUIRE(f.call("POST", "/api/v1/providers", {},
                   R"({"name":"b","kind":"openai","base_url":"http://127.0.0.1:9/v1","api_key":"sk-one-0123456789",)"
                   R"("headers":{"x-team":"sk-header"},"models":["m-*"],"groups":["vip"],"idle_timeout_ms":5000})")
                .status == 201);
    const auto patch = [&](const std::string& body) {
        return f.call("PATCH", "/api/v1/providers/{name}", {{"name", "b"}}, body);
    };
    const auto changed = patch(R"({"models":["n-*"],"idle_timeout_ms":null,"disabled":true})");
    REQUIRE(changed.status == 200);
    CHECK(changed.body["models"] == json::array({"n-*"}));
    CHECK(changed.body["groups"] == json::array({"vip"}));
    CHECK(changed.body["idle_timeout_ms"] == 300'000);
    CHECK(changed.body["disabled"] == true);
    CHECK(changed.body["secrets"] == json::array({"api_key", "headers"}));
    CHECK(changed.body["base_url"] == "http://127.0.0.1:9/v1");
    CHECK_FALSE(changed.text.contains("sk-header"));
    CHECK_FALSE(changed.text.contains("sk-one-0123456789"));
    CHECK(f.find("b")->credential.reveal() == "sk-one-0123456789");
    CHECK(f.find("b")->headers.front().second == "sk-header");

    // nothing secret goes to another address unasked
    for (const char* body :
         {R"({"base_url":"http://198.51.100.7/v1"})", R"({"base_url":"http://198.51.100.7/v1","api_key":"sk-x"})",
          R"({"base_url":"http://198.51.100.7/v1","headers":{}})", R"({"kind":"openai-compatible"})"}) {
        CAPTURE(body);
        CHECK(patch(body).status == 400);
    }
    CHECK(f.find("b")->base_url == "http://127.0.0.1:9/v1");
    CHECK(patch(R"({"base_url":"http://198.51.100.7/v1","api_key":"sk-two-0123456789","headers":{}})").status == 200);
    CHECK(f.find("b")->credential.reveal() == "sk-two-0123456789");
    CHECK(f.find("b")->headers.empty());

    // one kind of credential takes the place of another
    const auto by_name = patch(R"({"api_key_env":"LURUS_TEST_SURELY_UNSET"})");
    CHECK(by_name.body["api_key_env"] == "LURUS_TEST_SURELY_UNSET");
    CHECK(by_name.body["secrets"].empty());
    CHECK(patch(R"({"base_url":"http://198.51.100.8/v1"})").status == 200);
    f.reopen();
    CHECK(f.find("b")->credential_source == "env:LURUS_TEST_SURELY_UNSET");
    CHECK(f.find("b")->groups.names() == std::vector<std::string>{"vip"});

    for (const char* body : {"{}", "[]", R"({"name":"c"})", R"({"nonsense":1})", R"({"kind":null})", R"({"models":1})",
                             R"({"groups":["a b"]})"}) {
        CAPTURE(body);
        CHECK(patch(body).status == 400);
    }
    CHECK(f.call("PATCH", "/api/v1/providers/{name}", {{"name", "absent"}}, R"({"disabled":true})").status == 404);
}

TEST_CASE("api: a route leads elsewhere") {
    Api f;
    f.configure({spec("c", "openai")});
    REQUIRE(f.call("POST", "/api/v1/routes", {}, R"({"model":"org/a","to":["c/one"]})").status == 201);
    REQUIRE(f.call("POST", "/api/v1/routes", {}, R"({"family":"openai","to":["c/any"]})").status == 201);
    const auto patch = [&](const std::string& id, const std::string& body) {
        return f.call("PATCH", "/api/v1/routes/{model}", {{"model", id}}, body);
    };
    CHECK(patch("org/a", R"({"to":["c/two","c/three"]})").body["to"] == json::array({"c/two", "c/three"}));
    CHECK(f.resolve(Family::openai, "org/a") == "c:two (route), c:three (fallback 1)");
    CHECK(patch("default:openai", R"({"to":["c/other"]})").body["id"] == "default:openai");
    CHECK(f.resolve(Family::openai, "unheard-of") == "c:other (default for openai)");
    CHECK(f.call("GET", "/api/v1/routes/{model}", {{"model", "default:openai"}}).body["model"] == "*");
    for (const char* body : {R"({"to":["gone/x"]})", R"({"to":[]})", "{}", R"({"to":["c/x"],"model":"b"})"}) {
        CAPTURE(body);
        CHECK(patch("org/a", body).status == 400);
    }
    CHECK(patch("absent", R"({"to":["c/x"]})").status == 404);
    f.reopen();
    f.configure({spec("c", "openai")});
    CHECK(f.resolve(Family::openai, "org/a") == "c:two (route), c:three (fallback 1)");
    CHECK(f.call("DELETE", "/api/v1/routes/{model}", {{"model", "default:openai"}}).status == 204);
}
