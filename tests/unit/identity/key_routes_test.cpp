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

TEST_CASE("a key's life over the management API") {
    Fixture f;
    const auto made =
        f.call("POST", "/api/v1/keys",
               R"({"name":"laptop","note":"mine","models":["claude-*"],"families":["anthropic"],"expires":"30d"})");
    REQUIRE(made.status == 201);
    const auto key = json::parse(made.body);
    const std::string text = key.at("key");
    const std::string id = key.at("id");
    CHECK(text.starts_with("cr_"));
    CHECK(made.body.starts_with(R"({"key":")"));
    CHECK(key.at("expires") == format_time(f.clock.now() + 30ll * 86400 * 1'000'000));
    CHECK(f.identity->snapshot()->find(text) != nullptr);

    const auto list = f.call("GET", "/api/v1/keys");
    REQUIRE(list.status == 200);
    CHECK(list.body.find(text) == std::string::npos);
    CHECK(json::parse(list.body).at("data").at(0).at("name") == "laptop");
    CHECK(f.call("GET", "/api/v1/keys/{id}", "", "laptop").body == f.call("GET", "/api/v1/keys/{id}", "", id).body);

    const auto changed =
        f.call("PATCH", "/api/v1/keys/{id}", R"({"disabled":true,"note":"","models":[],"expires":null})", id);
    REQUIRE(changed.status == 200);
    const auto now = json::parse(changed.body);
    CHECK(now.at("status") == "disabled");
    CHECK(now.at("expires").is_null());
    CHECK(now.at("models").empty());
    CHECK(now.at("families") == json::array({"anthropic"}));
    CHECK(f.call("PATCH", "/api/v1/keys/{id}", R"({"disabled":false,"expires":"2020-01-01"})", "laptop").status == 200);
    CHECK(json::parse(f.call("GET", "/api/v1/keys/{id}", "", id).body).at("status") == "expired");

    CHECK(f.call("DELETE", "/api/v1/keys/{id}", "", "laptop").status == 204);
    CHECK(f.call("GET", "/api/v1/keys/{id}", "", id).status == 404);
    CHECK(f.call("DELETE", "/api/v1/keys/{id}", "", id).status == 404);
    CHECK(f.identity->snapshot()->find(text) == nullptr);
}

TEST_CASE("requests that cannot be met say what was wrong") {
    Fixture f;
    f.create("taken");
    const auto post = [&](const std::string& body) { return f.call("POST", "/api/v1/keys", body); };
    CHECK(post("{").status == 400);
    CHECK(post("[]").status == 400);
    CHECK(detail_of(post("{}")).find("`name`") != std::string::npos);
    CHECK(detail_of(post(R"({"name":1})")).find("`name`") != std::string::npos);
    CHECK(detail_of(post(R"({"name":"a","model":[]})")).find("`model`") != std::string::npos);
    CHECK(detail_of(post(R"({"name":"a","models":"x"})")).find("`models`") != std::string::npos);
    CHECK(detail_of(post(R"({"name":"a","families":["bedrock"]})")).find("`families`") != std::string::npos);
    CHECK(detail_of(post(R"({"name":"a","expires":"soon"})")).find("`expires`") != std::string::npos);
    CHECK(post(R"({"name":"taken"})").status == 409);
    CHECK(f.call("PATCH", "/api/v1/keys/{id}", "{}", "taken").status == 400);
    CHECK(f.call("PATCH", "/api/v1/keys/{id}", R"({"disabled":"yes"})", "taken").status == 400);
    CHECK(f.call("PATCH", "/api/v1/keys/{id}", R"({"disabled":true})", "nobody").status == 404);
    REQUIRE(in_force(f.identity->prepare({configured("fixed", "fixed-value")})).has_value());
    CHECK(f.call("PATCH", "/api/v1/keys/{id}", R"({"disabled":true})", "fixed").status == 409);
    CHECK(f.call("DELETE", "/api/v1/keys/{id}", "", "fixed").status == 409);
    CHECK(f.identity->list_keys()->size() == 2);
}

TEST_CASE("routes carry parseable schemas and unique operation ids") {
    Fixture f;
    std::set<std::string> operations;
    for (const auto& route : f.identity->api()) {
        CHECK(operations.insert(route.operation_id).second);
        CHECK_FALSE(route.summary.empty());
        if (!route.request_schema.empty()) CHECK(json::parse(route.request_schema).is_object());
        if (!route.response_schema.empty()) CHECK(json::parse(route.response_schema).is_object());
    }
    // What is required is there.
    const auto made = json::parse(f.call("POST", "/api/v1/keys", R"({"name":"a"})").body);
    for (const auto& route : f.identity->api()) {
        if (route.operation_id != "createKey") continue;
        const auto schema = json::parse(route.response_schema);
        for (const auto& field : schema.at("required")) CHECK(made.contains(field.get<std::string>()));
        for (const auto& [field, value] : made.items()) CHECK(schema.at("properties").contains(field));
    }
}

TEST_CASE("a key's rules and limits over the management API, and after a restart") {
    Fixture f;
    const auto made = f.call(
        "POST", "/api/v1/keys",
        R"({"name":"ruled","deny_models":["*opus*"],"ips":["10.0.0.0/8","2001:db8::/32"],)"
        R"("user_agents":["claude-cli/*"],"groups":["vip","team-a"],"rpm":60,"tpm":100000,"itpm":80000,"otpm":8000,)"
        R"("concurrency":4,"budget":"10 USD/day","window":"bucket","families":["claude"]})");
    REQUIRE_MESSAGE(made.status == 201, made.body);
    f.identity.reset();
    f.identity = f.open();
    const KeyInfo* key = &f.identity->snapshot()->all().at(0);
    CHECK(key->rules.deny_models == std::vector<std::string>{"*opus*"});
    CHECK(key->rules.ips.at(0).text() == "10.0.0.0/8");
    CHECK(key->rules.user_agents == std::vector<std::string>{"claude-cli/*"});
    CHECK(key->rules.groups.names() == std::vector<std::string>{"vip", "team-a"});
    CHECK(key->rules.limits.rpm == 60);
    CHECK(key->rules.limits.tpm == 100'000);
    CHECK(key->rules.limits.itpm == 80'000);
    CHECK(key->rules.limits.otpm == 8000);
    CHECK(key->rules.limits.concurrency == 4);
    CHECK(key->rules.limits.budget->text() == "10 USD/day");
    CHECK(key->rules.limits.window == WindowKind::bucket);
    CHECK(key->families == std::vector<Family>{Family::anthropic});
    CHECK_FALSE(key->allows_model("claude-opus-4-5"));
    CHECK(key->allows_model("claude-haiku-4-5"));

    const auto changed =
        f.call("PATCH", "/api/v1/keys/{id}",
               R"({"rpm":null,"tpm":0,"budget":null,"window":null,"ips":[],"groups":["vip"]})", "ruled");
    REQUIRE_MESSAGE(changed.status == 200, changed.body);
    const auto shown = json::parse(changed.body);
    CHECK(shown.at("rpm").is_null());
    CHECK(shown.at("tpm").is_null());
    CHECK(shown.at("otpm") == 8000);
    CHECK(shown.at("budget").is_null());
    CHECK(shown.at("ips").empty());
    CHECK(shown.at("deny_models").at(0) == "*opus*");
    CHECK(shown.at("groups") == json::array({"vip"}));
    f.identity.reset();
    f.identity = f.open();
    CHECK(f.identity->snapshot()->all().at(0).rules.limits.rpm == 0);
    CHECK(f.identity->snapshot()->all().at(0).rules.limits.concurrency == 4);
}

TEST_CASE("rules and limits that mean nothing are refused by name") {
    Fixture f;
    f.create("k");
    const std::pair<const char*, const char*> bad[] = {
        {R"({"rpm":-1})", "`rpm`"},
        {R"({"tpm":1.5})", "`tpm`"},
        {R"({"itpm":"9"})", "`itpm`"},
        {R"({"concurrency":1000000001})", "`concurrency`"},
        {R"({"budget":5})", "`budget`"},
        {R"({"budget":"5 EUR/day"})", "5 EUR/day"},
        {R"({"window":"fixed"})", "`window`"},
        {R"({"ips":["10.0.0.1/8"]})", "10.0.0.1/8"},
        {R"({"ips":"10.0.0.0/8"})", "`ips`"},
        {R"({"user_agents":[""]})", "`user_agents`"},
        {R"({"deny_models":[1]})", "`deny_models`"},
        {R"({"deny_models":[""]})", "`deny_models`"},
        {R"({"groups":"vip"})", "`groups`"},
        {R"({"groups":["a b"]})", "`groups`"},
        {R"({"groups":["a","a"]})", "`groups`"},
    };
    for (const auto& [body, named] : bad) {
        CAPTURE(body);
        const auto refused = f.call("PATCH", "/api/v1/keys/{id}", body, "k");
        CHECK(refused.status == 400);
        CHECK_MESSAGE(detail_of(refused).find(named) != std::string::npos, refused.body);
    }
    CHECK(f.identity->snapshot()->all().at(0).rules == KeyRules());
}
