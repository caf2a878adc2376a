// Models of a user, a team or an organisation: who may set them, and that each key carries them at once.
#include "fixture.hpp"

using namespace lurus;
using namespace lurus::test;
using nlohmann::json;

namespace {

struct Models : People {
    Principal boss = person("boss@example.com", Role::owner);
    std::string acme = org("acme");
    Principal chief = person("chief@acme.example", Role::owner, acme);
    Principal ann = person("ann@acme.example", Role::member, acme);

    int patch(const Principal& who, const std::string& path, const std::string& id, const std::string& body) {
        return call_as(who, "PATCH", "/api/v1/" + path + "/{id}", body, id).status;
    }
    bool may_use(const json& key, const std::string& model) {
        const auto snapshot = identity->snapshot();
        return snapshot->find(key.at("key").get<std::string>())->allows_model(model);
    }
};

}  // namespace

TEST_CASE_FIXTURE(Models, "a key may use what it, its owner, its team and its organisation all allow") {
    REQUIRE(directory.create_team(acme, "red").has_value());
    const auto key =
        make_key(chief, R"({"name":"k","user":"ann@acme.example","team":"red","models":["claude-*","gpt-*"]})");
    const auto other = make_key(chief, R"({"name":"other","user":null})");
    CHECK_FALSE(identity->snapshot()->find(other.at("key").get<std::string>())->has_model_rules());
    CHECK(patch(boss, "orgs", "acme", R"({"models":["claude-*","gemini-*"],"deny_models":["*opus*"]})") == 200);
    CHECK(may_use(key, "claude-haiku-4-5"));
    CHECK_FALSE(may_use(key, "gpt-4o"));
    CHECK_FALSE(may_use(key, "gemini-2.5-pro"));
    CHECK_FALSE(may_use(key, "Claude-OPUS-4-5"));
    CHECK(may_use(other, "gemini-2.5-pro"));
    CHECK_FALSE(may_use(other, "gpt-4o"));
    CHECK(patch(chief, "teams", "red", R"({"deny_models":["claude-sonnet-*"]})") == 200);
    CHECK_FALSE(may_use(key, "claude-sonnet-4-5"));
    CHECK(may_use(other, "claude-sonnet-4-5"));
    CHECK(patch(chief, "members", "ann@acme.example", R"({"models":["claude-haiku-*","claude-sonnet-*"]})") == 200);
    CHECK(may_use(key, "claude-haiku-4-5"));
    CHECK_FALSE(may_use(key, "claude-instant"));
    // A new key of hers is bound as well, and nothing that she sets of it lifts that.
    const auto fresh = make_key(ann, R"({"name":"fresh","team":null,"models":["gpt-4o"]})");
    CHECK_FALSE(may_use(fresh, "gpt-4o"));
    identity.reset();
    identity = open();
    CHECK_FALSE(may_use(key, "claude-instant"));
    CHECK(patch(chief, "members", "ann@acme.example", R"({"models":[]})") == 200);
    CHECK(patch(boss, "orgs", "acme", R"({"models":[],"deny_models":[]})") == 200);
    CHECK(may_use(fresh, "gpt-4o"));
    CHECK_FALSE(may_use(key, "claude-sonnet-4-5"));
}

TEST_CASE_FIXTURE(Models, "models of a member and a team take an admin, those of an organisation who operates all") {
    REQUIRE(directory.create_team(acme, "red").has_value());
    const std::string body = R"({"models":["claude-*"]})";
    CHECK(patch(ann, "members", "ann@acme.example", body) == 403);
    CHECK(patch(ann, "teams", "red", body) == 403);
    CHECK(patch(chief, "orgs", acme, body) == 403);
    CHECK(patch(chief, "orgs", acme, R"({"deny_models":[]})") == 403);
    CHECK(patch(chief, "members", "ann@acme.example", R"({"models":"claude-*"})") == 400);
    CHECK(patch(chief, "members", "ann@acme.example", R"({"deny_models":[""]})") == 400);
    const auto robot = directory.add_service(acme, "ci", Role::member);
    CHECK(patch(chief, "service-accounts", robot->id, body) == 200);
    const auto shown = call_as(chief, "GET", "/api/v1/service-accounts/{id}", "", "ci");
    CHECK(json::parse(shown.body).at("models") == json{"claude-*"});
    CHECK(json::parse(shown.body).at("deny_models") == json::array());
    auto narrow = chief;
    narrow.scope = bit_of(Permission::change_people);
    CHECK(patch(narrow, "members", "ann@acme.example", body) == 403);
}
