// Members, service accounts and teams: nobody changes whom is above them.
#include "fixture.hpp"

using namespace lurus;
using namespace lurus::test;
using nlohmann::json;

namespace {

Principal narrowed(Principal who, std::initializer_list<Permission> scope) {
    who.scope = 0;
    for (const Permission one : scope) who.scope |= bit_of(one);
    return who;
}

}  // namespace

TEST_CASE_FIXTURE(People, "an admin reaches no owner through members, service accounts or teams") {
    const auto owner = person("owner@example.com", Role::owner), admin = person("admin@example.com", Role::admin);
    const auto ann = person("ann@example.com", Role::member);
    const auto robot = directory.add_service(default_org, "robot", Role::owner);
    const auto red = directory.create_team(default_org, "red");
    for (const auto& [path, id] :
         {std::pair("/api/v1/members/{id}", owner.member), std::pair("/api/v1/service-accounts/{id}", robot->id)}) {
        CAPTURE(path);
        for (const char* body : {R"({"role":"viewer"})", R"({"disabled":true})", R"({"rpm":1})"}) {
            CHECK(call_as(admin, "PATCH", path, body, id).status == 403);
        }
        CHECK(call_as(admin, "DELETE", path, "", id).status == 403);
    }
    const auto team = [&](const Principal& who, const char* method, const Principal& whom) {
        return call_as(who, method, "/api/v1/teams/{id}/members/{member}", "", red->id, whom.member).status;
    };
    CHECK(team(admin, "PUT", owner) == 403);
    CHECK(team(admin, "PUT", ann) == 200);
    CHECK(team(owner, "PUT", owner) == 200);
    CHECK(team(admin, "DELETE", owner) == 403);
    CHECK(team(owner, "DELETE", owner) == 200);
    CHECK(directory.member(owner.member)->role == Role::owner);
    CHECK_FALSE(directory.member(robot->id)->disabled);
}

TEST_CASE_FIXTURE(People, "the rank that counts is the one at the moment of the change") {
    const auto owner = person("owner@example.com", Role::owner), ann = person("ann@example.com", Role::member);
    const auto seen = directory.member(ann.member);
    REQUIRE(directory.set_role(default_org, ann.user, Role::owner).has_value());
    const auto late = directory.change_member(*seen, Role::viewer, std::nullopt, {}, std::nullopt, Role::admin);
    REQUIRE_FALSE(late.has_value());
    CHECK(late.error().code == ErrorCode::permission_denied);
    const auto gone = directory.remove_member(*seen, std::nullopt, Role::admin);
    REQUIRE_FALSE(gone.has_value());
    CHECK(gone.error().code == ErrorCode::permission_denied);
    CHECK(directory.member(ann.member)->role == Role::owner);
}

TEST_CASE_FIXTURE(People, "a narrowed token makes nobody who may do more than it") {
    auto robot = person("owner@example.com", Role::owner);
    robot.kind = Principal::Kind::service;
    const auto narrow = narrowed(robot, {Permission::change_people, Permission::operate});
    const auto ann = person("ann@example.com", Role::member);
    const auto post = [&](const Principal& who, const std::string& path, const std::string& body) {
        return call_as(who, "POST", path, body).status;
    };
    CHECK(post(narrow, "/api/v1/members", R"({"email":"m@example.com","role":"admin"})") == 403);
    CHECK(post(narrow, "/api/v1/members", R"({"email":"m@example.com","role":"member"})") == 201);
    CHECK(post(narrow, "/api/v1/service-accounts", R"({"name":"wide","role":"owner"})") == 403);
    CHECK(call_as(narrow, "PATCH", "/api/v1/members/{id}", R"({"role":"admin"})", ann.member).status == 403);
    CHECK(call_as(narrow, "PATCH", "/api/v1/members/{id}", R"({"role":"viewer"})", ann.member).status == 200);
    CHECK(post(narrow, "/api/v1/orgs", R"({"name":"acme","owner":"m@example.com"})") == 403);
    CHECK(post(robot, "/api/v1/orgs", R"({"name":"acme","owner":"m@example.com"})") == 201);
    CHECK(post(robot, "/api/v1/service-accounts", R"({"name":"wide","role":"owner"})") == 201);
}

TEST_CASE_FIXTURE(People, "the last owner who has signed in is known") {
    const auto owner = person("owner@example.com", Role::owner);
    CHECK(*directory.is_last_owner(default_org, owner.user));
    REQUIRE(directory.add_member(default_org, "invited@example.com", Role::owner).has_value());
    CHECK(*directory.is_last_owner(default_org, owner.user));
    const auto second = person("second@example.com", Role::owner);
    CHECK_FALSE(*directory.is_last_owner(default_org, owner.user));
    REQUIRE(directory.set_status(second.user, UserStatus::disabled).has_value());
    CHECK(*directory.is_last_owner(default_org, owner.user));
    CHECK_FALSE(*directory.is_last_owner(default_org, second.user));
}
