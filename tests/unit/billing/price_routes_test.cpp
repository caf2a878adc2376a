#include <set>

#include "fixture.hpp"

using namespace lurus;
using namespace lurus::test;
using nlohmann::json;

namespace {

std::string detail_of(const ApiResponse& response) {
    CHECK(response.content_type == "application/problem+json");
    const auto body = json::parse(response.body);
    CHECK(body.at("status") == response.status);
    return body.at("detail").get<std::string>();
}

}  // namespace

TEST_CASE("the price list is filtered and paged") {
    Fixture f;
    const auto all = json::parse(f.call("GET", "/api/v1/prices").body);
    CHECK(all.at("next").is_null());
    CHECK(all.at("data").size() == 7);  // one of each vendor and model holds now
    std::vector<std::string> seen;
    std::string after;
    for (int page = 0; page < 10; ++page) {
        std::map<std::string, std::string> query = {{"limit", "2"}};
        if (!after.empty()) query["after"] = after;
        const auto body = json::parse(f.call("GET", "/api/v1/prices", "", query).body);
        for (const auto& one : body.at("data"))
            seen.push_back(one.at("vendor").get<std::string>() + "/" + one.at("model").get<std::string>());
        if (body.at("next").is_null()) break;
        after = body.at("next").get<std::string>();
    }
    CHECK(seen.size() == 7);
    CHECK(std::set<std::string>(seen.begin(), seen.end()).size() == 7);
    CHECK(std::is_sorted(seen.begin(), seen.end()));

    const auto size = [&](std::map<std::string, std::string> query) {
        return json::parse(f.call("GET", "/api/v1/prices", "", query).body).at("data").size();
    };
    CHECK(size({{"model", "gpt-4o*"}}) == 3);
    CHECK(size({{"model", "claude-sonnet-4.5"}}) == 1);
    CHECK(size({{"model", "openai/*"}}) == 5);  // of the vendor, and the host's model of that name
    CHECK(size({{"provider", "openai"}}) == 4);
    CHECK(size({{"provider", "nobody"}}) == 0);
    CHECK(f.call("GET", "/api/v1/prices", "", {{"limit", "0"}}).status == 400);
    CHECK(f.call("GET", "/api/v1/prices", "", {{"limit", "x"}}).status == 400);
    CHECK(f.call("GET", "/api/v1/prices", "", {{"after", "x"}}).status == 400);
}

TEST_CASE("one model's prices, dated ones too") {
    Fixture f;
    const auto answer = f.call("GET", "/api/v1/prices/{model}", "", {}, "openai/gpt-4o");
    REQUIRE(answer.status == 200);
    const auto body = json::parse(answer.body);
    REQUIRE(body.at("data").size() == 2);
    CHECK(body["data"][0].at("from") == "2024-10-02T00:00:00.000000Z");
    CHECK(body["data"][0].at("applies") == true);
    CHECK(body["data"][0].at("rates").at("standard")[0].at("pico_usd").at("input") == 2'500'000);
    CHECK(body["data"][0].at("source") == "https://example.com/pricing");
    CHECK(body["data"][0].at("checked") == "2026-11-01");
    CHECK(body["data"][1].at("applies") == false);
    CHECK(body["data"][1].at("until") == "2024-10-02T00:00:00.000000Z");
    CHECK(json::parse(f.call("GET", "/api/v1/prices/{model}", "", {}, "claude-sonnet-4-5-20250929").body)
              .at("data")
              .size() == 1);
    CHECK(json::parse(f.call("GET", "/api/v1/prices/{model}", "", {}, "groq/openai/gpt-oss-120b").body)
              .at("data")
              .size() == 1);
    CHECK(detail_of(f.call("GET", "/api/v1/prices/{model}", "", {}, "nothing")).find("`nothing`") != std::string::npos);
}

TEST_CASE("a quote shows the lines or says why there is none") {
    Fixture f;
    const auto quote = [&](const std::string& body) {
        return json::parse(f.call("POST", "/api/v1/prices/quote", body).body);
    };
    const auto priced = quote(R"({"model":"claude-sonnet-4-5","usage":{"input":1000,"output":100,"cache_read":null}})");
    CHECK(priced.at("priced") == true);
    CHECK(priced.at("cost_nano_usd") == 3'000'000 + 1'500'000);
    CHECK(priced.at("lines").size() == 2);
    CHECK(priced["lines"][0] ==
          json({{"what", "input"}, {"units", 1000}, {"pico_usd", 3'000'000}, {"cost_nano_usd", 3'000'000}}));
    CHECK(priced.at("tariff") == "anthropic/claude-sonnet-4-5@2025-09-29");

    const auto before = quote(R"({"model":"gpt-4o","time":"2024-06-01","usage":{"input":1000}})");
    CHECK(before.at("cost_nano_usd") == 5'000'000);

    const auto none = quote(R"({"model":"gpt-4o","provider_kind":"openrouter","usage":{"input":1}})");
    CHECK(none.at("priced") == false);
    CHECK(none.at("cost_nano_usd").is_null());
    CHECK(none.at("reason").get<std::string>().find("openrouter") != std::string::npos);
    CHECK(quote(R"({"model":"gpt-4o","usage":{"input":1,"service_tier":"scale"}})")
              .at("reason")
              .get<std::string>()
              .find("`scale`") != std::string::npos);
    CHECK(quote(R"({"model":"gpt-4o","usage":{"images":1}})").at("reason").get<std::string>().find("classes") !=
          std::string::npos);
    CHECK(quote(R"({"model":"gpt-4o","usage":{}})").at("priced") == false);

    const auto refused = [&](const std::string& body) {
        const auto answer = f.call("POST", "/api/v1/prices/quote", body);
        CHECK(answer.status == 400);
        return detail_of(answer);
    };
    CHECK(refused("{").find("JSON") != std::string::npos);
    CHECK(refused("{}").find("`model`") != std::string::npos);
    CHECK(refused(R"({"model":"a"})").find("`usage`") != std::string::npos);
    CHECK(refused(R"({"model":"a","usage":{"tokens":1}})").find("`usage.tokens`") != std::string::npos);
    CHECK(refused(R"({"model":"a","usage":{"input":-1}})").find("`usage.input`") != std::string::npos);
    CHECK(refused(R"({"model":"a","usage":{"input":1.5}})").find("`usage.input`") != std::string::npos);
    CHECK(refused(R"({"model":"a","usage":{},"kind":"x"})").find("`kind`") != std::string::npos);
}

TEST_CASE("prices are imported over the management API") {
    Fixture f;
    const std::string file =
        R"({"gpt-4o": {"litellm_provider": "openai", "input_cost_per_token": 9e-06, "output_cost_per_token": 1e-05}})";
    const auto first = f.call("POST", "/api/v1/prices/import", file, {{"effective_from", "2026-11-01"}});
    REQUIRE(first.status == 200);
    CHECK(json::parse(first.body) == json({{"models", 1},
                                           {"changed", 1},
                                           {"withdrawn", 0},
                                           {"skipped", 0},
                                           {"skipped_models", json::array()},
                                           {"effective_from", "2026-11-01T00:00:00.000000Z"}}));
    CHECK(json::parse(f.call("POST", "/api/v1/prices/import", file).body).at("changed") == 0);
    CHECK(f.nano("openai", "gpt-4o", tokens(1, 0)) == 9'000);
    const auto shown = json::parse(f.call("GET", "/api/v1/prices/{model}", "", {}, "gpt-4o").body);
    CHECK(shown.at("data")[0].at("origin") == "import");
    CHECK(shown.at("data")[0].at("applies") == true);
    CHECK(shown.at("data")[1].at("applies") == false);
    CHECK(json::parse(f.call("GET", "/api/v1/prices", "", {{"model", "gpt-4o"}}).body).at("data")[0].at("origin") ==
          "import");
    CHECK(f.call("POST", "/api/v1/prices/import", "{", {}).status == 400);
    CHECK(f.call("POST", "/api/v1/prices/import", file, {{"effective_from", "soon"}}).status == 400);
}

TEST_CASE("own prices win, also for one provider only, and can be taken back") {
    Fixture f;
    const auto put = [&](const std::string& model, const std::string& body) {
        return f.call("PUT", "/api/v1/prices/{model}", body, {}, model);
    };
    REQUIRE(put("gpt-4o", R"({"vendor":"openai","from":"2026-11-01","rates":{"standard":{"input":"1","output":"2"}}})")
                .status == 200);
    CHECK(f.nano("openai", "gpt-4o", tokens(1, 1)) == 1'000 + 2'000);
    REQUIRE(put("llama3",
                R"({"provider":"local","from":"2026-11-01","rates":{"standard":{"input":"0.01","output":"0.02"}}})")
                .status == 200);
    CHECK(f.nano("ollama", "llama3", tokens(100, 100), "local") == 1'000 + 2'000);
    CHECK(f.nano("ollama", "llama3", tokens(100, 100), "other") == -1);
    REQUIRE(
        put("gpt-4o", R"({"provider":"reseller","from":"2026-11-01","rates":{"standard":{"input":"7","output":"8"}}})")
            .status == 200);
    CHECK(f.nano("openai", "gpt-4o", tokens(1, 1), "reseller") == 7'000 + 8'000);
    CHECK(f.nano("openai", "gpt-4o", tokens(1, 1), "p") == 3'000);
    f.open();
    CHECK(f.nano("openai", "gpt-4o", tokens(1, 1), "reseller") == 15'000);

    CHECK(f.call("DELETE", "/api/v1/prices/{model}", "", {{"provider", "reseller"}}, "gpt-4o").status == 204);
    CHECK(f.call("DELETE", "/api/v1/prices/{model}", "", {{"provider", "reseller"}}, "gpt-4o").status == 404);
    CHECK(f.call("DELETE", "/api/v1/prices/{model}", "", {}, "gpt-4o").status == 400);
    CHECK(f.call("DELETE", "/api/v1/prices/{model}", "", {{"vendor", "openai"}}, "gpt-4o").status == 204);
    CHECK(f.nano("openai", "gpt-4o", tokens(1, 1), "reseller") == 2'500 + 10'000);

    CHECK(put("m", "{}").status == 400);
    CHECK(put("m", R"({"vendor":"v"})").status == 400);
    CHECK(put("m", R"({"vendor":"v","provider":"p","rates":{"standard":{"input":"1"}}})").status == 400);
    CHECK(put("m", R"({"vendor":"v","rates":{"standard":{"input":1}}})").status == 400);
    CHECK(put("m", R"({"vendor":"v","rates":{"standard":{"input":"1"}},"until":"2020-01-01"})").status == 400);
}

TEST_CASE("a model's prices have a version, under whichever name they are shown") {
    Fixture f;
    const auto version = [&](const std::string& name) {
        return f.call("GET", "/api/v1/prices/{model}", "", {}, name).version.value_or(-1);
    };
    const auto put = [&](const std::string& model, std::optional<std::int64_t> wanted) {
        for (const auto& route : f.billing->api()) {
            if (route.method != "PUT") continue;
            ApiRequest request;
            request.params["model"] = model;
            request.body = R"({"vendor":"openai","rates":{"standard":{"input":"1"}}})";
            request.if_version = wanted;
            return route.handler(request);
        }
        return ApiResponse();
    };
    const std::vector<std::string> names = {"gpt-4o", "GPT-4o", "openai/gpt-4o", "gpt-4o-2031-01-01",
                                            "openai/gpt-4o-latest"};
    for (const auto& name : names) CHECK(version(name) == 0);
    CHECK(put("gpt-4o", 1).status == 412);
    CHECK(put("gpt-4o", 0).version == 1);
    CHECK(put("gpt-4o", 0).status == 412);
    for (const auto& name : names) CHECK(version(name) == 1);
    // One that is stored under a name of its own counts there, beside what the shorter name had.
    CHECK(put("gpt-4o-2031-01-01", 1).version == 2);
    CHECK(version("gpt-4o-2031-01-01") == 2);
    CHECK(version("gpt-4o") == 1);
    CHECK(version("gpt-4o-mini") == 0);
    REQUIRE(f.call("DELETE", "/api/v1/prices/{model}", "", {{"vendor", "openai"}}, "gpt-4o").status == 204);
    CHECK(version("gpt-4o") == 2);
    f.open();
    CHECK(version("openai/gpt-4o") == 2);
    CHECK(version("gpt-4o-2031-01-01") == 3);
}

TEST_CASE("price routes carry parseable schemas and what they require") {
    Fixture f;
    std::set<std::string> operations;
    for (const auto& route : f.billing->api()) {
        CHECK(operations.insert(route.operation_id).second);
        CHECK_FALSE(route.summary.empty());
        if (!route.request_schema.empty()) CHECK(json::parse(route.request_schema).is_object());
        if (!route.response_schema.empty()) CHECK(json::parse(route.response_schema).is_object());
        for (const auto& param : route.query) CHECK(json::parse(param.schema).is_object());
        if (route.operation_id != "listPrices") continue;
        const auto schema = json::parse(route.response_schema).at("properties").at("data").at("items");
        const auto listed = json::parse(f.call("GET", "/api/v1/prices").body);
        for (const auto& one : listed.at("data")) {
            for (const auto& field : schema.at("required")) CHECK(one.contains(field.get<std::string>()));
            for (const auto& [field, value] : one.items())
                CHECK_MESSAGE(schema.at("properties").contains(field), field);
        }
    }
}
