// Nobody gives or takes what is above their own rank, by whatever detour.
#include "fixture.hpp"

using namespace lurus;
using namespace lurus::test;

namespace {

struct Ranks : SignInFixture {
    Ranks() {
        settings.mail = {};
        configure();
    }
    /// An access token of somebody with a password.
    std::string signed_in(const std::string& email, Role role) {
        add(email, role);
        return tokens(email).at("access_token");
    }
    ApiResponse invite(const std::string& email, const std::string& role, const std::string& bearer) {
        return call("POST", "invitations", {{"email", email}, {"role", role}}, bearer);
    }
    ApiResponse accept(const ApiResponse& invitation) {
        REQUIRE_MESSAGE(invitation.status == 201, invitation.body);
        return call("POST", "invitations/accept",
                    {{"token", json::parse(invitation.body).at("token")}, {"password", good_password}});
    }
    Role role_of(const std::string& email) {
        const auto places = users->memberships(users->find_by_email(email)->id);
        REQUIRE(places->size() == 1);
        return places->front().role;
    }
    ApiResponse mint(const std::string& account, const json& scope, const std::string& bearer, int seconds = 3600) {
        return call("POST", "service-token", {{"service_account", account}, {"scope", scope}, {"expires_in", seconds}},
                    bearer);
    }
    std::string minted(const std::string& account, const json& scope, const std::string& bearer, int seconds = 3600) {
        const auto made = mint(account, scope, bearer, seconds);
        REQUIRE_MESSAGE(made.status == 200, made.body);
        return json::parse(made.body).at("access_token");
    }
    Member member_called(const std::string& email) {
        return users->memberships(users->find_by_email(email)->id)->front();
    }
};

}  // namespace

TEST_CASE_FIXTURE(Ranks, "an invitation takes no role away, and nobody invites whom is above them") {
    const std::string boss = signed_in("boss@example.com", Role::owner);
    add("second@example.com", Role::owner);
    configure();  // neither is the configuration's any more
    const std::string admin = signed_in("admin@example.com", Role::admin);
    CHECK(invite("boss@example.com", "viewer", admin).status == 403);
    CHECK(invite("second@example.com", "viewer", boss).status == 409);
    CHECK(role_of("boss@example.com") == Role::owner);

    // Made before they became more: the link joins, and lowers nothing.
    add("rising@example.com", Role::viewer);
    const auto early = invite("rising@example.com", "member", admin);
    REQUIRE(users->set_role(default_org, users->find_by_email("rising@example.com")->id, Role::owner).has_value());
    CHECK(accept(early).status == 204);
    CHECK(role_of("rising@example.com") == Role::owner);
    // And it still raises.
    add("low@example.com", Role::viewer);
    CHECK(accept(invite("low@example.com", "member", admin)).status == 204);
    CHECK(role_of("low@example.com") == Role::member);
}

TEST_CASE_FIXTURE(Ranks, "an invitation gives what its inviter may give when it is accepted") {
    add("stays@example.com", Role::owner);
    const std::string boss = signed_in("boss@example.com", Role::owner);
    const auto as_owner = invite("one@example.com", "owner", boss), as_admin = invite("two@example.com", "admin", boss);
    const auto as_member = invite("three@example.com", "member", boss);
    REQUIRE(users->set_role(default_org, users->find_by_email("boss@example.com")->id, Role::admin).has_value());
    CHECK(accept(as_owner).status == 403);
    CHECK_FALSE(users->find_by_email("one@example.com").has_value());
    CHECK(accept(as_admin).status == 200);
    REQUIRE(users->set_status(users->find_by_email("boss@example.com")->id, UserStatus::disabled).has_value());
    CHECK(accept(as_member).status == 403);
    REQUIRE(users->set_status(users->find_by_email("boss@example.com")->id, UserStatus::active).has_value());
    CHECK(accept(as_member).status == 200);
}

TEST_CASE_FIXTURE(Ranks, "whoever holds a link cannot become a member above them who never signed in") {
    add("stays@example.com", Role::owner);
    const std::string admin = signed_in("admin@example.com", Role::admin);
    REQUIRE(users->add_member(default_org, "waiting@example.com", Role::owner).has_value());
    CHECK(invite("waiting@example.com", "viewer", admin).status == 403);
    const auto early = invite("later@example.com", "viewer", admin);
    REQUIRE(users->add_member(default_org, "later@example.com", Role::owner).has_value());
    CHECK(accept(early).status == 403);
    CHECK(login("later@example.com", good_password).status == 401);
    // Of whom they may give the role, they may hand over the link.
    REQUIRE(users->add_member(default_org, "fresh@example.com", Role::member).has_value());
    CHECK(accept(invite("fresh@example.com", "viewer", admin)).status == 200);
    CHECK(role_of("fresh@example.com") == Role::member);
}

TEST_CASE_FIXTURE(Ranks, "a scope never grows through a token, a person or a link that it makes") {
    const std::string boss = signed_in("boss@example.com", Role::owner);
    const std::string admin = signed_in("admin@example.com", Role::admin);
    const auto robot = users->add_service(default_org, "robot", Role::owner);
    const auto other = users->add_service(default_org, "other", Role::admin);
    const std::string narrow = minted(robot->id, {"change_people"}, boss, 600);
    for (const json& wider : {json{"change_people", "operate"}, json{"read_keys"}, json{"change_keys", "read_audit"}}) {
        CAPTURE(wider.dump());
        CHECK(mint(robot->id, wider, narrow).status == 403);
        CHECK(mint(other->id, wider, narrow).status == 403);
    }
    const auto longer = mint(other->id, {"change_people"}, narrow, 3600);
    REQUIRE(longer.status == 200);
    CHECK(json::parse(longer.body).at("expires_in") == 600);
    clock.time += 200 * second;
    const std::string again = minted(other->id, {"change_people"}, json::parse(longer.body).at("access_token"), 3600);
    clock.time += 400 * second;
    CHECK_FALSE(service->principal({}, again).has_value());

    // An admin may not hand out what only owners may, whoever the account becomes later.
    CHECK(mint(other->id, {"read_keys", "operate"}, admin).status == 403);
    CHECK(mint(other->id, {"read_keys"}, admin).status == 200);

    const std::string people = minted(robot->id, {"change_people"}, boss);
    CHECK(invite("mallory@example.com", "owner", people).status == 403);
    CHECK(invite("mallory@example.com", "admin", people).status == 403);
    CHECK(invite("mallory@example.com", "member", people).status == 201);
    REQUIRE(users->add_member(default_org, "waiting@example.com", Role::admin).has_value());
    CHECK(invite("waiting@example.com", "member", people).status == 403);
    const std::string operating = minted(robot->id, {"operate"}, boss);
    CHECK(call("POST", "password/reset-link", {{"email", "boss@example.com"}}, operating).status == 403);
    CHECK(call("POST", "password/reset-link", {{"email", "mallory@example.com"}}, operating).status == 404);
    CHECK(call("POST", "password/import",
               {{"email", "old@example.com"},
                {"password_hash", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"},
                {"role", "owner"}},
               operating)
              .status == 403);
    json everything = json::array();
    for (int i = 1; i < permission_count; ++i) everything.push_back(name_of(static_cast<Permission>(i)));
    CHECK(invite("mallory@example.com", "owner", minted(robot->id, everything, boss)).status == 201);
}

TEST_CASE_FIXTURE(Ranks, "the file may hand ownership over in either order") {
    const auto file = [&](Role first, Role next) {
        configure(
            {{"first@example.com", Secret(good_password), first}, {"next@example.com", Secret(good_password), next}});
    };
    file(Role::owner, Role::member);
    file(Role::member, Role::owner);
    CHECK(role_of("first@example.com") == Role::member);
    CHECK(role_of("next@example.com") == Role::owner);
    file(Role::owner, Role::member);
    CHECK(role_of("next@example.com") == Role::member);
}
