// Limits of a user, a team or an organisation of their own: who may set them, and that keys carry them at once.
#include "fixture.hpp"
#include "modules/identity/keys/limits_json.hpp"

using namespace lurus;
using namespace lurus::test;
using nlohmann::json;

namespace {

struct Own : People {
    Principal boss = person("boss@example.com", Role::owner);
    std::string acme = org("acme");
    Principal chief = person("chief@acme.example", Role::owner, acme);
    Principal ann = person("ann@acme.example", Role::member, acme);

    ApiResponse patch(const Principal& who, const std::string& path, const std::string& id, const std::string& body) {
        return call_as(who, "PATCH", path, body, id);
    }
    const KeyInfo& found(const json& key) {
        snapshot = identity->snapshot();
        const auto* info = snapshot->find(key.at("key").get<std::string>());
        REQUIRE(info != nullptr);
        return *info;
    }
    std::shared_ptr<const KeySnapshot> snapshot;
};

}  // namespace

TEST_CASE_FIXTURE(Own, "a key carries what its owner, its team and its organisation have") {
    const auto team = directory.create_team(acme, "red");
    REQUIRE(team);
    const auto key = make_key(chief, R"({"name":"laptop","user":"ann@acme.example","team":"red"})");
    const auto other = make_key(chief, R"({"name":"other"})");
    CHECK_FALSE(found(key).user_limits);
    CHECK_FALSE(found(key).team_limits);
    CHECK_FALSE(found(key).org_limits);

    CHECK(patch(chief, "/api/v1/members/{id}", "ann@acme.example", R"({"rpm":5,"budget":"2 USD/day"})").status == 200);
    CHECK(patch(chief, "/api/v1/teams/{id}", "red", R"({"concurrency":3,"window":"bucket"})").status == 200);
    CHECK(patch(boss, "/api/v1/orgs/{id}", "acme", R"({"tpm":70})").status == 200);
    const KeyInfo& now = found(key);
    REQUIRE(now.user_limits);
    CHECK(now.user_limits->rpm == 5);
    CHECK(now.user_limits->budget->text() == "2 USD/day");
    REQUIRE(now.team_limits);
    CHECK(now.team_limits->concurrency == 3);
    CHECK(now.team_limits->window == WindowKind::bucket);
    REQUIRE(now.org_limits);
    CHECK(now.org_limits->tpm == 70);
    CHECK_FALSE(found(other).user_limits);
    CHECK_FALSE(found(other).team_limits);
    REQUIRE(found(other).org_limits);

    Limits common;
    common.rpm = 100;
    common.itpm = 9;
    const Limits both = over(found(key).user_limits, common);
    CHECK(both.rpm == 5);
    CHECK(both.itpm == 9);
    CHECK(over(nullptr, common) == common);

    identity.reset();
    identity = open();
    CHECK(found(key).team_limits->concurrency == 3);
    CHECK(found(key).user_limits->budget->text() == "2 USD/day");
    CHECK(found(key).org_limits->tpm == 70);
}

TEST_CASE_FIXTURE(Own, "0 and null take a limit away, and what is not named stays") {
    REQUIRE(directory.create_team(acme, "red"));
    const auto key = make_key(chief, R"({"name":"ci","team":"red"})");
    REQUIRE(patch(chief, "/api/v1/teams/{id}", "red", R"({"rpm":60,"otpm":7,"budget":"1 USD/total"})").status == 200);
    const auto renamed = patch(chief, "/api/v1/teams/{id}", "red", R"({"name":"blue"})");
    REQUIRE(renamed.status == 200);
    CHECK(json::parse(renamed.body).at("rpm") == 60);
    const auto less = json::parse(patch(chief, "/api/v1/teams/{id}", "blue", R"({"rpm":0,"budget":null})").body);
    CHECK(less.at("rpm").is_null());
    CHECK(less.at("budget").is_null());
    CHECK(less.at("otpm") == 7);
    CHECK(less.at("name") == "blue");
    REQUIRE(patch(chief, "/api/v1/teams/{id}", "blue", R"({"otpm":null})").status == 200);
    CHECK_FALSE(found(key).team_limits);
}

TEST_CASE_FIXTURE(Own, "an organisation's own limits are set by who operates the installation") {
    CHECK(patch(chief, "/api/v1/orgs/{id}", "acme", R"({"rpm":1000000})").status == 403);
    CHECK(patch(chief, "/api/v1/orgs/{id}", "acme", R"({"name":"acme2","budget":null})").status == 403);
    CHECK(patch(chief, "/api/v1/orgs/{id}", "acme", R"({"name":"acme2"})").status == 200);
    const auto set = patch(boss, "/api/v1/orgs/{id}", "acme2", R"({"rpm":6})");
    REQUIRE(set.status == 200);
    CHECK(json::parse(set.body).at("rpm") == 6);
    CHECK(json::parse(call_as(chief, "GET", "/api/v1/orgs/{id}", "", "acme2").body).at("rpm") == 6);
}

TEST_CASE_FIXTURE(Own, "limits take the permission, and are checked") {
    REQUIRE(directory.create_team(acme, "red"));
    Principal narrow = chief;
    narrow.scope = bit_of(Permission::change_people);
    CHECK(patch(narrow, "/api/v1/teams/{id}", "red", R"({"rpm":6})").status == 403);
    CHECK(patch(narrow, "/api/v1/members/{id}", "ann@acme.example", R"({"rpm":6})").status == 403);
    CHECK(patch(narrow, "/api/v1/teams/{id}", "red", R"({"name":"red"})").status == 200);
    CHECK(patch(ann, "/api/v1/members/{id}", "ann@acme.example", R"({"rpm":6})").status == 403);
    CHECK(patch(boss, "/api/v1/teams/{id}", "red", R"({"rpm":6})").status == 404);
    for (const char* body :
         {R"({"rpm":-1})", R"({"rpm":1.5})", R"({"budget":"much"})", R"({"window":"round"})", R"({"ips":[]})", "{}"}) {
        CHECK_MESSAGE(patch(chief, "/api/v1/teams/{id}", "red", body).status == 400, body);
        CHECK_MESSAGE(patch(chief, "/api/v1/members/{id}", "ann@acme.example", body).status == 400, body);
    }
    const auto service = directory.add_service(acme, "deploy", Role::member);
    REQUIRE(service);
    CHECK(patch(chief, "/api/v1/service-accounts/{id}", "deploy", R"({"rpm":6})").status == 200);
    CHECK(directory.member(service->id)->limits.rpm == 6);
}
