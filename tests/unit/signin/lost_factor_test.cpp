#include "fixture.hpp"
#include "modules/signin/totp.hpp"

using namespace lurus;
using namespace lurus::signin;
using namespace lurus::test;

namespace {

/// Somebody with a confirmed second factor, in the default organisation.
User with_factor(SignInFixture& f, const std::string& email, Role role) {
    const User user = f.add(email, role);
    const json tokens = f.tokens(email);
    const auto enrolled =
        json::parse(f.call("POST", "totp", {{"password", good_password}}, tokens.at("access_token")).body);
    const auto code = totp_code(secret_of(enrolled.at("secret")), f.clock.now());
    REQUIRE(f.call("POST", "totp/confirm", {{"code", *code}}, tokens.at("access_token")).status == 200);
    return user;
}

}  // namespace

TEST_CASE("a lost second factor is removed by who outranks its owner, who is told and signed out") {
    SignInFixture f;
    f.add("owner@example.com", Role::owner);
    f.add("admin@example.com", Role::admin);
    f.add("member@example.com");
    const auto reset = [&](const std::string& by, const std::string& whose) {
        return f.call("POST", "totp/reset", {{"user", whose}}, f.tokens(by).at("access_token")).status;
    };
    const User lost = with_factor(f, "lost@example.com", Role::member);
    const json held =
        json::parse(f.call("POST", "login", {{"email", "admin@example.com"}, {"password", good_password}}).body);
    CHECK(f.login("lost@example.com", good_password).status == 401);
    CHECK(reset("member@example.com", "lost@example.com") == 403);
    CHECK(f.login("lost@example.com", good_password).status == 401);
    CHECK(reset("admin@example.com", lost.id) == 200);
    CHECK(f.login("lost@example.com", good_password).status == 200);
    CHECK(f.noted("second factor removed by somebody else"));
    const auto mails = f.mails("lost@example.com");
    REQUIRE(mails.size() == 1);
    CHECK(mails[0].find("admin@example.com") != std::string::npos);
    CHECK(f.accepted(held.at("access_token")));  // the others' sessions go on
    CHECK(reset("admin@example.com", "lost@example.com") == 404);
    CHECK(reset("admin@example.com", "nobody@example.com") == 404);
    CHECK(f.call("POST", "totp/reset", {{"user", lost.id}}).status == 401);

    // The same rank and above takes an owner; one's own takes a code.
    with_factor(f, "peer@example.com", Role::admin);
    CHECK(reset("admin@example.com", "peer@example.com") == 403);
    CHECK(reset("owner@example.com", "peer@example.com") == 200);
    with_factor(f, "boss@example.com", Role::owner);
    CHECK(reset("admin@example.com", "boss@example.com") == 403);
    CHECK(reset("owner@example.com", "boss@example.com") == 200);
    CHECK(reset("owner@example.com", "owner@example.com") == 403);
}

TEST_CASE("removing a second factor ends every session of its owner") {
    SignInFixture f;
    f.add("owner@example.com", Role::owner);
    f.add("lost@example.com");
    const json before = f.tokens("lost@example.com");
    with_factor(f, "lost@example.com", Role::member);
    CHECK(f.accepted(before.at("access_token")));
    CHECK(f.call("POST", "totp/reset", {{"user", "lost@example.com"}}, f.tokens("owner@example.com").at("access_token"))
              .status == 200);
    CHECK_FALSE(f.accepted(before.at("access_token")));
    CHECK(f.call("POST", "refresh", {{"refresh_token", before.at("refresh_token")}}).status == 401);
}

TEST_CASE("who belongs to another organisation as well is for the owners of the installation") {
    SignInFixture f;
    f.add("owner@example.com", Role::owner);
    const auto acme = f.users->create_org("acme");
    REQUIRE(acme.has_value());
    const User boss = f.add("boss@example.com", Role::viewer);
    const User lost = with_factor(f, "lost@example.com", Role::member);
    REQUIRE(f.users->set_role(acme->id, boss.id, Role::owner).has_value());
    REQUIRE(f.users->set_role(acme->id, lost.id, Role::member).has_value());
    Principal who;
    who.kind = Principal::Kind::user;
    who.user = boss.id;
    const auto in_acme = f.users->in_organisation(who, "acme");
    REQUIRE(in_acme.has_value());
    ApiRequest request;
    request.principal = *in_acme;
    request.body = json{{"user", lost.id}}.dump();
    CHECK(f.service->reset_totp(request).status == 403);
    // Another organisation's person is not there.
    const User stranger = with_factor(f, "stranger@example.com", Role::member);
    request.body = json{{"user", stranger.id}}.dump();
    CHECK(f.service->reset_totp(request).status == 404);
    request.body = json{{"user", lost.id}}.dump();
    request.principal = Principal();
    request.principal.kind = Principal::Kind::service;
    request.principal.org = std::string(default_org);
    request.principal.role = Role::admin;
    CHECK(f.service->reset_totp(request).status == 403);
    request.principal.kind = Principal::Kind::admin_token;
    CHECK(f.service->reset_totp(request).status == 200);
}
