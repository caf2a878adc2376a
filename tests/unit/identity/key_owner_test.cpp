// Whose keys there are for whom.
#include "fixture.hpp"

using namespace lurus;
using namespace lurus::test;
using nlohmann::json;
using Names = std::vector<std::string>;

TEST_CASE_FIXTURE(People, "a member sees and changes its own keys, an admin those of the organisation") {
    const auto ann = person("ann@example.com", Role::member), bob = person("bob@example.com", Role::member);
    const auto admin = person("admin@example.com", Role::admin), viewer = person("viewer@example.com", Role::viewer);
    const auto of_ann = make_key(ann, R"({"name":"ann's"})");
    make_key(bob, R"({"name":"bob's"})");
    create("shared");
    REQUIRE(in_force(identity->prepare({configured("fixed", "fixed-value")})).has_value());
    CHECK(of_ann.at("user") == ann.member);
    CHECK(of_ann.at("owner") == "ann@example.com");

    CHECK(names(ann) == Names{"ann's"});
    CHECK(names(bob) == Names{"bob's"});
    CHECK(names(viewer).empty());
    CHECK(names(admin) == Names{"fixed", "ann's", "bob's", "shared"});

    // What is somebody else's is answered exactly as what is not there.
    const std::string id = of_ann.at("id");
    for (const std::string& key : {id, std::string("ann's"), std::string("shared"), std::string("fixed")}) {
        CAPTURE(key);
        const auto as_absent = [&](const ApiResponse& answer) {
            CHECK(answer.status == 404);
            CHECK(json::parse(answer.body).at("detail") ==
                  "there is no key `" + key + "`; `lurus key list` shows them");
        };
        as_absent(call_as(bob, "GET", "/api/v1/keys/{id}", "", key));
        as_absent(call_as(bob, "PATCH", "/api/v1/keys/{id}", R"({"disabled":true})", key));
        as_absent(call_as(bob, "POST", "/api/v1/keys/{id}/rotate", "", key));
        as_absent(call_as(bob, "DELETE", "/api/v1/keys/{id}", "", key));
    }
    CHECK(call_as(viewer, "POST", "/api/v1/keys", R"({"name":"mine"})").status == 403);
    CHECK(call_as(ann, "PATCH", "/api/v1/keys/{id}", R"({"note":"hers"})", id).status == 200);
    CHECK(call_as(admin, "PATCH", "/api/v1/keys/{id}", R"({"note":"known"})", id).status == 200);
    CHECK(usable(of_ann));
    CHECK(call_as(ann, "DELETE", "/api/v1/keys/{id}", "", id).status == 204);
    CHECK_FALSE(usable(of_ann));
}

TEST_CASE_FIXTURE(People, "nothing of another organisation is there, and names are each one's own") {
    const auto acme = org("acme");
    const auto owner = person("owner@example.com", Role::owner), other = person("boss@acme.example", Role::owner, acme);
    const auto here = make_key(owner, R"({"name":"ci"})"), there = make_key(other, R"({"name":"ci"})");
    CHECK(there.at("org") == acme);
    CHECK(names(owner) == Names{"ci"});
    CHECK(names(other) == Names{"ci"});
    CHECK(call_as(other, "POST", "/api/v1/keys", R"({"name":"ci"})").status == 409);
    for (const char* method : {"GET", "PATCH", "DELETE"}) {
        CAPTURE(method);
        const std::string body = method == std::string("PATCH") ? R"({"disabled":true})" : "";
        CHECK(call_as(owner, method, "/api/v1/keys/{id}", body, there.at("id")).status == 404);
        CHECK(call_as(other, method, "/api/v1/keys/{id}", body, here.at("id")).status == 404);
    }
    CHECK(names(owner, "?owner=boss@acme.example").empty());
    // The name means one's own, also where another organisation has it too.
    CHECK(call_as(other, "DELETE", "/api/v1/keys/{id}", "", "ci").status == 204);
    CHECK(usable(here));
    CHECK_FALSE(usable(there));
    // The admin token reaches all of them, and by name those of the default organisation.
    const auto again = make_key(other, R"({"name":"ci"})");
    CHECK(call("GET", "/api/v1/keys/{id}", "", again.at("id")).status == 200);
    CHECK(json::parse(call("GET", "/api/v1/keys/{id}", "", "ci").body).at("id") == here.at("id"));
    CHECK(json::parse(call("GET", "/api/v1/keys").body).at("data").size() == 2);
    identity.reset();
    identity = open();
    CHECK(json::parse(call("GET", "/api/v1/keys/{id}", "", again.at("id")).body).at("org") == acme);
}

TEST_CASE_FIXTURE(People, "keys for others, limits and teams take an admin") {
    const auto ann = person("ann@example.com", Role::member), bob = person("bob@example.com", Role::member);
    const auto admin = person("admin@example.com", Role::admin);
    const auto red = directory.create_team(default_org, "red");
    REQUIRE(red.has_value());
    REQUIRE(directory.add_to_team(*red, ann.member).has_value());
    const auto post = [&](const Principal& who, const std::string& body) {
        return call_as(who, "POST", "/api/v1/keys", body);
    };
    CHECK(post(ann, R"({"name":"a","user":"bob@example.com"})").status == 403);
    CHECK(post(ann, R"({"name":"a","user":"nobody@example.com"})").status == 403);  // tells nobody who is there
    CHECK(post(ann, R"({"name":"a","user":null})").status == 403);
    CHECK(post(ann, R"({"name":"a","rpm":5})").status == 403);
    CHECK(post(bob, R"({"name":"b","team":"red"})").status == 404);
    CHECK(post(bob, R"({"name":"b","team":"blue"})").status == 404);
    CHECK(make_key(ann, R"({"name":"a","team":"red","tags":["x","y"]})").at("team") == red->id);
    CHECK(call_as(ann, "PATCH", "/api/v1/keys/{id}", R"({"budget":null})", "a").status == 403);
    CHECK(call_as(ann, "PATCH", "/api/v1/keys/{id}", R"({"user":"bob@example.com"})", "a").status == 403);

    // A key of who is in a team is in it too, so that the team's limits hold.
    CHECK(make_key(ann, R"({"name":"by itself"})").at("team") == red->id);
    CHECK(post(ann, R"({"name":"beside","team":null})").status == 403);
    CHECK(call_as(ann, "PATCH", "/api/v1/keys/{id}", R"({"team":null})", "by itself").status == 403);
    const auto green = directory.create_team(default_org, "green");
    REQUIRE(directory.add_to_team(*green, ann.member).has_value());
    CHECK(post(ann, R"({"name":"which"})").status == 400);
    CHECK(call_as(ann, "PATCH", "/api/v1/keys/{id}", R"({"team":"green"})", "by itself").status == 200);
    CHECK(call_as(admin, "PATCH", "/api/v1/keys/{id}", R"({"team":null})", "by itself").status == 200);
    CHECK(call_as(ann, "DELETE", "/api/v1/keys/{id}", "", "by itself").status == 204);

    const auto for_bob = make_key(admin, R"({"name":"b","user":"bob@example.com","rpm":5})");
    CHECK(for_bob.at("user") == bob.member);
    CHECK(names(bob) == Names{"b"});
    CHECK(make_key(admin, R"({"name":"of all","user":null})").at("user") == "");
    CHECK(post(admin, R"({"name":"c","user":"nobody@example.com"})").status == 404);
    CHECK(call_as(admin, "PATCH", "/api/v1/keys/{id}", R"({"user":"ann@example.com","tags":["y"]})", "b").status ==
          200);
    CHECK(names(ann) == Names{"a", "b"});
    CHECK(names(bob).empty());
    CHECK(names(admin, "?team=red") == Names{"a"});
    CHECK(names(admin, "?owner=none") == Names{"of all"});
    CHECK(post(admin, R"({"name":"t","tags":["same","same"]})").status == 400);
}

TEST_CASE_FIXTURE(People, "who is disabled or gone has no keys") {
    const auto acme = org("acme");
    const auto boss = person("boss@acme.example", Role::owner, acme);
    const auto ann = person("ann@acme.example", Role::member, acme);
    const auto bob = person("bob@acme.example", Role::member, acme);
    const auto service = directory.add_service(acme, "ci", Role::member);
    const auto of_boss = make_key(boss, R"({"name":"boss"})"), of_ann = make_key(ann, R"({"name":"ann"})");
    const auto of_bob = make_key(bob, R"({"name":"bob"})"), of_ci = make_key(boss, R"({"name":"ci","user":"ci"})");
    int published = 0;
    identity->on_change([&] { ++published; });
    const auto member = [&](const Principal& who) { return *directory.member(who.member); };

    REQUIRE(directory.change_member(member(ann), std::nullopt, true).has_value());
    CHECK_FALSE(usable(of_ann));
    CHECK(published == 1);
    CHECK(json::parse(call_as(boss, "GET", "/api/v1/keys/{id}", "", "ann").body).at("status") == "owner_disabled");
    REQUIRE(directory.change_member(member(ann), std::nullopt, false).has_value());
    CHECK(usable(of_ann));
    REQUIRE(directory.set_status(ann.user, UserStatus::disabled).has_value());
    CHECK_FALSE(usable(of_ann));
    REQUIRE(directory.set_status(ann.user, UserStatus::active).has_value());
    CHECK(usable(of_ann));
    REQUIRE(directory.change_member(*service, std::nullopt, true).has_value());
    CHECK_FALSE(usable(of_ci));

    // Removed and back: the keys are not.
    REQUIRE(directory.remove_member(member(bob)).has_value());
    CHECK_FALSE(usable(of_bob));
    REQUIRE(directory.add_member(acme, "bob@acme.example", Role::member).has_value());
    CHECK_FALSE(usable(of_bob));
    make_key(ann, R"({"name":"private matters","note":"about ann","tags":["ann"]})");
    REQUIRE(directory.erase(ann.user).has_value());
    CHECK_FALSE(usable(of_ann));
    CHECK(names(boss) == Names{"boss", "ci"});

    CHECK(usable(of_boss));
    REQUIRE(directory.remove_org(acme).has_value());
    CHECK_FALSE(usable(of_boss));
    identity.reset();
    identity = open();
    CHECK_FALSE(usable(of_boss));
}

TEST_CASE_FIXTURE(People, "records carry the member, and are seen by it and its admins") {
    const auto acme = org("acme");
    const auto ann = person("ann@acme.example", Role::member, acme),
               boss = person("boss@acme.example", Role::admin, acme);
    const auto home = person("home@example.com", Role::owner);
    const auto key = make_key(ann, R"({"name":"k"})"), shared = make_key(boss, R"({"name":"s","user":null})");
    const auto snapshot = identity->snapshot();
    CHECK(snapshot->find(key.at("key").get<std::string>())->record_user() == ann.member);
    CHECK(snapshot->find(shared.at("key").get<std::string>())->record_user() == acme);

    CHECK(**identity->visible_users(ann) == UserSet{ann.member});
    CHECK(**identity->visible_users(boss) == UserSet{ann.member, boss.member, acme});
    CHECK(**identity->visible_users(home) == UserSet{home.member, ""});
    // What somebody used stays seen after they left.
    REQUIRE(directory.remove_member(*directory.member(ann.member)).has_value());
    CHECK((*identity->visible_users(boss))->contains(ann.member));
    CHECK((*identity->visible_users(Principal()))->empty());
    Principal token;
    token.kind = Principal::Kind::admin_token;
    CHECK(*identity->visible_users(token) == nullptr);
    token.org = acme;
    CHECK((*identity->visible_users(token))->contains(acme));
    CHECK_FALSE((*identity->visible_users(token))->contains(""));
}
