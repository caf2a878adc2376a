// Roles and leaving over the running control plane.
#include "core/http/url.hpp"
#include "tests/unit/control/authorization_world.hpp"

#include <algorithm>

using namespace lurus;
using namespace lurus::test;

TEST_CASE("nobody rises above their own role, and only an owner makes an owner") {
    World world;
    const auto of = [&](const std::string& name) {
        for (const auto& actor : world.actors) {
            if (actor.name == name + " of " + world.home.name) return actor.authorization;
        }
        FAIL("nobody is " << name);
        return std::string();
    };
    const std::string owner_address = "/api/v1/members/owner@" + world.home.name + ".example";
    const std::string member_address = "/api/v1/members/" + world.home.member;
    CHECK(world.ask(of("admin"), "PATCH", owner_address, {{"role", "member"}}).status == 403);
    CHECK(world.ask(of("admin"), "PATCH", owner_address, {{"disabled", true}}).status == 403);
    CHECK(world.ask(of("admin"), "DELETE", owner_address).status == 403);
    CHECK(world.ask(of("admin"), "PATCH", member_address, {{"role", "owner"}}).status == 403);
    CHECK(world.ask(of("admin"), "POST", "/api/v1/members", {{"email", "n@example.com"}, {"role", "owner"}}).status ==
          403);
    CHECK(world.ask(of("admin"), "POST", "/api/v1/service-accounts", {{"name", "root"}, {"role", "owner"}}).status ==
          403);
    CHECK(world.ask(of("admin"), "POST", "/api/v1/auth/invitations", {{"email", "n@example.com"}, {"role", "owner"}})
              .status == 403);
    // The last owner stays.
    CHECK(world.ask(of("owner"), "PATCH", owner_address, {{"role", "member"}}).status == 409);
    CHECK(world.ask(of("owner"), "DELETE", owner_address).status == 409);
    CHECK(world.ask(of("owner"), "DELETE", "/api/v1/users/owner@" + world.home.name + ".example").status == 409);
    CHECK(world.ask(of("owner"), "PATCH", member_address, {{"role", "owner"}}).status == 200);
    CHECK(world.ask(of("member"), "DELETE", owner_address).status == 204);
    CHECK(world.ask(of("owner"), "GET", "/api/v1/keys").status == 403);
    // Another organisation's members cannot be acted for.
    CHECK(world.ask(of("member"), "GET", "/api/v1/keys?org=" + world.acme.org).status == 404);
    CHECK(world.ask(of("member"), "GET", "/api/v1/keys?org=" + world.acme.name).text ==
          world.ask(of("member"), "GET", "/api/v1/keys?org=absent").text);
}

TEST_CASE("who is disabled, removed or erased is out at once") {
    World world;
    const auto member = std::ranges::find(world.actors, "member of " + world.acme.name, &Actor::name)->authorization;
    const auto service = std::ranges::find(world.actors, "service of " + world.acme.name, &Actor::name)->authorization;
    const std::string in_acme = "?org=" + world.acme.org, address = "member@" + world.acme.name + ".example";
    const auto made = world.ask(member, "POST", "/api/v1/keys", {{"name", "own"}});
    REQUIRE(made.status == 201);
    std::shared_ptr<const GatewaySnapshot> last;
    world.plane->on_publish([&](std::shared_ptr<const GatewaySnapshot> snapshot) { last = std::move(snapshot); });
    const auto usable = [&] {
        const auto* key = last->keys->find(made.json().at("key").get<std::string>());
        return key != nullptr && key->usable_at(system_clock().now());
    };
    const auto signed_in = [&] { return world.ask(member, "GET", "/api/v1/me").status; };
    CHECK(usable());
    world.must("PATCH", "/api/v1/members/" + address + in_acme, {{"disabled", true}});
    CHECK_FALSE(usable());
    CHECK(world.ask(member, "GET", "/api/v1/keys").status == 403);
    world.must("PATCH", "/api/v1/members/" + address + in_acme, {{"disabled", false}});
    CHECK(usable());
    world.must("PATCH", "/api/v1/users/" + address, {{"disabled", true}});
    CHECK_FALSE(usable());
    CHECK(signed_in() == 401);
    world.must("PATCH", "/api/v1/users/" + address, {{"disabled", false}});
    CHECK(usable());
    CHECK(signed_in() == 200);
    CHECK(world.ask(service, "GET", "/api/v1/me").status == 200);
    world.must("PATCH", "/api/v1/service-accounts/" + percent_encode(world.acme.name + " acting robot") + in_acme,
               {{"disabled", true}});
    CHECK(world.ask(service, "GET", "/api/v1/me").status == 401);

    const auto exported = world.ask(member, "GET", "/api/v1/me/export").json();
    CHECK(exported.at("user").at("email") == address);
    CHECK(exported.at("memberships").at(0).at("keys").size() == 2);
    CHECK(world.ask(world.admin, "DELETE", "/api/v1/users/" + address).status == 204);
    CHECK_FALSE(usable());
    CHECK(signed_in() == 401);
    CHECK(world.ask(world.admin, "GET", "/api/v1/users/" + address).status == 404);
    const auto again =
        world.ask("", "POST", "/api/v1/auth/login", {{"email", address}, {"password", "blue tractor on a hill"}});
    CHECK(again.status == 401);
    // What was recorded stays, under an id that means nobody.
    const auto logs = world.ask(world.admin, "GET", "/api/v1/logs" + in_acme);
    CHECK(logs.text.find(world.acme.member) != std::string::npos);
    CHECK(logs.text.find(address) == std::string::npos);
}
