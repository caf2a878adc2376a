// What an administrator set of a key: its owner narrows it and lifts nothing, by whatever detour.
#include "fixture.hpp"

using namespace lurus;
using namespace lurus::test;
using nlohmann::json;

namespace {

constexpr UnixMicros day = 86'400'000'000;

struct Bounds : People {
    Principal boss = person("boss@example.com", Role::owner);
    Principal admin = person("admin@example.com", Role::admin);
    Principal ann = person("ann@example.com", Role::member);

    ApiResponse patch(const Principal& who, const std::string& key, const json& body) {
        return call_as(who, "PATCH", "/api/v1/keys/{id}", body.dump(), key);
    }
    json shown(const std::string& key) { return json::parse(call_as(ann, "GET", "/api/v1/keys/{id}", "", key).body); }
    void allowed(const Principal& who, const std::string& key, const json& body) {
        const auto answer = patch(who, key, body);
        CHECK_MESSAGE(answer.status == 200, body.dump() << ": " << answer.body);
    }
    /// Refused, and nothing of it is in force.
    void refused(const std::string& key, const json& body) {
        const json before = shown(key);
        const auto answer = patch(ann, key, body);
        CHECK_MESSAGE(answer.status == 403, body.dump() << ": " << answer.body);
        CHECK(shown(key) == before);
    }
};

}  // namespace

TEST_CASE_FIXTURE(Bounds, "the owner narrows what an admin set, and lifts none of it") {
    make_key(ann, R"({"name":"hers"})");
    CHECK(shown("hers").at("set_by_admin") == json::object());
    allowed(admin, "hers",
            {{"models", {"claude-*", "gpt-4o"}},
             {"deny_models", {"*opus*"}},
             {"families", {"anthropic", "openai"}},
             {"ips", {"10.0.0.0/8"}},
             {"user_agents", {"claude-cli/*"}}});
    CHECK(shown("hers").at("set_by_admin") == json{{"models", {"claude-*", "gpt-4o"}},
                                                   {"families", {"anthropic", "openai"}},
                                                   {"deny_models", {"*opus*"}},
                                                   {"ips", {"10.0.0.0/8"}},
                                                   {"user_agents", {"claude-cli/*"}}});
    for (const json& body :
         {json{{"models", json::array()}}, json{{"models", {"*"}}}, json{{"models", {"gpt-4o*"}}},
          json{{"models", {"claude-*", "gemini-pro"}}}, json{{"models", {"c*"}}}, json{{"deny_models", json::array()}},
          json{{"deny_models", {"*opus-4*"}}}, json{{"families", json::array()}}, json{{"families", {"gemini"}}},
          json{{"families", {"all"}}}, json{{"ips", json::array()}}, json{{"ips", {"0.0.0.0/0"}}},
          json{{"ips", {"10.0.0.0/7"}}}, json{{"ips", {"10.1.0.0/16", "192.0.2.1"}}},
          json{{"user_agents", json::array()}}, json{{"user_agents", {"*"}}},
          json{{"note", "x"}, {"models", json::array()}}}) {
        refused("hers", body);
    }
    for (const json& body : {json{{"models", {"claude-haiku-*"}}}, json{{"models", {"gpt-4o", "claude-*"}}},
                             json{{"deny_models", {"*opus*", "*sonnet*"}}}, json{{"deny_models", {"*op*"}}},
                             json{{"families", {"openai"}}}, json{{"ips", {"10.1.0.0/16", "10.2.3.4"}}},
                             json{{"user_agents", {"Claude-CLI/2.*"}}}, json{{"disabled", true}},
                             json{{"disabled", false}}, json{{"note", "hers"}}, json{{"tags", {"t"}}}}) {
        allowed(ann, "hers", body);
    }
    // What she narrowed herself she widens again, as far as that.
    allowed(ann, "hers", {{"models", {"claude-*", "gpt-4o"}}});
    allowed(ann, "hers", {{"families", {"anthropic", "openai"}}});
    CHECK(shown("hers").at("models") == json{"claude-*", "gpt-4o"});
    // Whoever set it takes it away, and then it binds nobody.
    allowed(boss, "hers", {{"models", json::array()}, {"ips", json::array()}});
    allowed(ann, "hers", {{"models", {"gemini-*"}}, {"ips", {"192.0.2.1"}}});
    allowed(ann, "hers", {{"models", json::array()}});
}

TEST_CASE_FIXTURE(Bounds, "a key that an admin disabled stays disabled, also after a restart and a rotation") {
    const auto key = make_key(ann, R"({"name":"hers"})");
    allowed(admin, "hers", {{"disabled", true}});
    refused("hers", {{"disabled", false}});
    const auto rotated = call_as(ann, "POST", "/api/v1/keys/{id}/rotate", "", "hers");
    REQUIRE(rotated.status == 200);
    CHECK_FALSE(usable(json::parse(rotated.body)));
    CHECK(json::parse(rotated.body).at("set_by_admin") == json{{"disabled", true}});
    identity.reset();
    identity = open();
    refused("hers", {{"disabled", false}});
    CHECK_FALSE(usable(key));
    allowed(admin, "hers", {{"disabled", false}});
    CHECK(shown("hers").at("set_by_admin") == json::object());
}

TEST_CASE_FIXTURE(Bounds, "an expiry that an admin set comes, whatever its owner writes") {
    const auto text = [&](UnixMicros in) { return format_time(clock.time + in); };
    make_key(ann, R"({"name":"hers"})");
    allowed(admin, "hers", {{"expires", "30d"}});
    for (const json& body :
         {json{{"expires", nullptr}}, json{{"expires", "31d"}}, json{{"expires_after", "1d"}},
          json{{"expires_after", nullptr}}, json{{"expires", nullptr}, {"expires_after", nullptr}}}) {
        refused("hers", body);
    }
    allowed(ann, "hers", {{"expires", "10d"}});
    refused("hers", {{"expires", "31d"}});
    allowed(ann, "hers", {{"expires", text(29 * day)}, {"expires_after", nullptr}});
    CHECK(shown("hers").at("expires") == text(29 * day));
    allowed(admin, "hers", {{"expires", nullptr}});
    allowed(ann, "hers", {{"expires", "90d"}});
    allowed(ann, "hers", {{"expires", nullptr}});
}

TEST_CASE_FIXTURE(Bounds, "an expiry that counts from the first use is not begun anew") {
    const auto key = make_key(admin, R"({"name":"hers","user":"ann@example.com","expires_after":"30d"})");
    CHECK(shown("hers").at("set_by_admin") == json{{"expires_after", "30d"}});
    refused("hers", {{"expires_after", "31d"}});
    refused("hers", {{"expires_after", nullptr}});
    refused("hers", {{"expires", "31d"}});
    allowed(ann, "hers", {{"expires_after", "20d"}});
    allowed(ann, "hers", {{"expires_after", "30d"}});
    const auto first = clock.time;
    identity->snapshot()->find(key.at("key").get<std::string>())->use->note(first);
    refused("hers", {{"expires_after", "1d"}});  // it would count from the next use
    clock.time += 10 * day;
    refused("hers", {{"expires", "30d"}});
    REQUIRE(identity->upkeep().has_value());
    CHECK(shown("hers").at("expires") == format_time(first + 30 * day));
    CHECK(shown("hers").at("set_by_admin") == json{{"expires", format_time(first + 30 * day)}});
    refused("hers", {{"expires_after", "1d"}});
    allowed(ann, "hers", {{"expires", "20d"}});

    make_key(admin, R"({"name":"unused","user":"ann@example.com","expires_after":"5d"})");
    allowed(ann, "unused", {{"expires", "4d"}});
    clock.time += 3 * day;
    refused("unused", {{"expires", "4d"}});  // five days had begun with the first change
    allowed(ann, "unused", {{"expires", "2d"}});
}

TEST_CASE_FIXTURE(Bounds, "what an admin's key is made with binds whom it is given to") {
    make_key(admin, R"({"name":"given","user":"ann@example.com","models":["claude-*"],"expires":"30d"})");
    refused("given", {{"models", json::array()}});
    refused("given", {{"expires", nullptr}});
    make_key(admin, R"({"name":"shared","user":null,"models":["gpt-4o"]})");
    allowed(admin, "shared", {{"user", "ann@example.com"}});
    refused("shared", {{"models", json::array()}});
    // What its owner set is her own, and goes with nobody's word but hers.
    make_key(ann, R"({"name":"own","models":["claude-*"]})");
    allowed(ann, "own", {{"models", json::array()}});
    CHECK(shown("own").at("set_by_admin") == json::object());
}

TEST_CASE_FIXTURE(Bounds, "a key stays in the team that an admin put it into") {
    const auto red = directory.create_team(default_org, "red"), blue = directory.create_team(default_org, "blue");
    make_key(ann, R"({"name":"hers"})");
    allowed(admin, "hers", {{"team", "red"}});
    refused("hers", {{"team", nullptr}});
    for (const auto& team : {*red, *blue}) REQUIRE(directory.add_to_team(team, ann.member).has_value());
    refused("hers", {{"team", "blue"}});
    allowed(ann, "hers", {{"team", "red"}});
    REQUIRE(call_as(admin, "DELETE", "/api/v1/teams/{id}", "", "red").status == 204);
    CHECK(shown("hers").at("set_by_admin") == json::object());
    allowed(ann, "hers", {{"team", "blue"}});
}

TEST_CASE_FIXTURE(Bounds, "a key that is made again under its name is bound as it was") {
    make_key(ann, R"({"name":"hers"})");
    allowed(admin, "hers",
            {{"models", {"claude-*"}},
             {"deny_models", {"*opus*"}},
             {"ips", {"10.0.0.0/8"}},
             {"rpm", 5},
             {"groups", {"eu"}}});
    const auto again = [&](const json& more = json::object()) {
        json body = {{"name", "hers"}};
        body.update(more);
        REQUIRE(call_as(ann, "DELETE", "/api/v1/keys/{id}", "", "hers").status == 204);
        return call_as(ann, "POST", "/api/v1/keys", body.dump());
    };
    const auto made = again();
    REQUIRE_MESSAGE(made.status == 201, made.body);
    const auto key = json::parse(made.body);
    CHECK(key.at("models") == json{"claude-*"});
    CHECK(key.at("deny_models") == json{"*opus*"});
    CHECK(key.at("ips") == json{"10.0.0.0/8"});
    CHECK(key.at("rpm") == 5);
    CHECK(key.at("groups") == json{"eu"});
    refused("hers", {{"models", json::array()}});
    CHECK(again({{"models", {"claude-haiku-*"}}}).status == 201);
    CHECK(shown("hers").at("models") == json{"claude-haiku-*"});
    CHECK(again({{"models", {"gpt-4o"}}}).status == 403);
    CHECK(call_as(ann, "GET", "/api/v1/keys/{id}", "", "hers").status == 404);
    CHECK(call_as(ann, "POST", "/api/v1/keys", R"({"name":"hers"})").status == 201);
    allowed(admin, "hers", {{"disabled", true}});
    CHECK(again().status == 403);
    // An admin makes it as they like, and somebody else's key of that name was another one.
    CHECK(make_key(boss, R"({"name":"hers","user":"ann@example.com"})").at("models") == json::array());
    REQUIRE(call_as(ann, "DELETE", "/api/v1/keys/{id}", "", "hers").status == 204);
    CHECK(make_key(ann, R"({"name":"hers"})").at("rpm").is_null());
    const auto bob = person("bob@example.com", Role::member);
    CHECK(make_key(bob, R"({"name":"mine"})").at("models") == json::array());
}
