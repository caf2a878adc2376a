#include "fixture.hpp"
#include "modules/signin/totp.hpp"

using namespace lurus;
using namespace lurus::signin;
using namespace lurus::test;

namespace {

const std::string new_password = "nine bridges and a goose";

}  // namespace

TEST_CASE("changing the password takes the old one and ends every session") {
    SignInFixture f;
    f.add("alice@example.com");
    const json a = f.tokens("alice@example.com"), b = f.tokens("alice@example.com");
    const auto change = [&](const std::string& old, const std::string& fresh) {
        return f.call("POST", "password", {{"current_password", old}, {"new_password", fresh}}, a.at("access_token"));
    };
    CHECK(change("wrong", new_password).status == 403);
    CHECK(change(good_password, "short").status == 400);
    CHECK(f.accepted(b.at("access_token")));
    CHECK(change(good_password, new_password).status == 204);
    CHECK_FALSE(f.accepted(a.at("access_token")));
    CHECK_FALSE(f.accepted(b.at("access_token")));
    CHECK(f.call("POST", "refresh", {{"refresh_token", b.at("refresh_token")}}).status == 401);
    CHECK(f.login("alice@example.com", good_password).status == 401);
    CHECK(f.login("alice@example.com", new_password).status == 200);
    CHECK(f.mails("alice@example.com").size() == 1);
}

TEST_CASE("a reset goes by mail, works once within its hour, and answers the same for nobody") {
    SignInFixture f;
    f.add("alice@example.com");
    const json tokens = f.tokens("alice@example.com");
    const auto known = f.call("POST", "password/reset", {{"email", "Alice@example.com"}});
    const auto unknown = f.call("POST", "password/reset", {{"email", "nobody@example.com"}});
    CHECK(known.status == 202);
    CHECK(known.body == unknown.body);
    CHECK(f.mails("nobody@example.com").empty());
    const auto mails = f.mails("alice@example.com");
    REQUIRE(mails.size() == 1);
    CHECK(mails[0].find("http://127.0.0.1:18100/console/reset#token=lnk_") != std::string::npos);
    const std::string token = SignInFixture::token_in(mails[0]);
    const auto confirm = [&](const std::string& password) {
        return f.call("POST", "password/reset/confirm", {{"token", token}, {"new_password", password}}).status;
    };
    CHECK(confirm("short") == 400);  // and the link is still good
    CHECK(f.call("POST", "verify", {{"token", token}}).status == 403);
    CHECK(confirm(new_password) == 204);
    CHECK(confirm(good_password) == 403);
    CHECK_FALSE(f.accepted(tokens.at("access_token")));
    CHECK(f.login("alice@example.com", new_password).status == 200);

    f.clock.time += hour;
    CHECK(f.call("POST", "password/reset", {{"email", "alice@example.com"}}).status == 202);
    const std::string late = SignInFixture::token_in(f.mails("alice@example.com").back());
    f.clock.time += hour;
    CHECK(f.call("POST", "password/reset/confirm", {{"token", late}, {"new_password", good_password}}).status == 403);
}

TEST_CASE("nobody can be flooded with mails") {
    SignInFixture f;
    f.add("alice@example.com");
    for (int i = 0; i < 20; ++i) {
        const json body = {{"email", "alice@example.com"}};
        CHECK(f.call("POST", "password/reset", body, "", "", "198.51.100." + std::to_string(i)).status == 202);
    }
    CHECK(f.mails("alice@example.com").size() == 3);
}

TEST_CASE("the first owner comes by the one-time link, once") {
    SignInFixture f;
    const auto token = f.users->new_setup_token();
    REQUIRE(token.has_value());
    const auto set_up = [&](std::string_view text, const std::string& password) {
        return f.call("POST", "setup", {{"token", text}, {"email", "owner@example.com"}, {"password", password}});
    };
    CHECK(set_up("wrong", good_password).status == 403);
    CHECK(set_up(token->reveal(), "short").status == 400);
    const auto made = set_up(token->reveal(), good_password);
    REQUIRE(made.status == 200);
    const std::string access = json::parse(made.body).at("access_token");
    CHECK(f.call("POST", "keys/rotate", json::object(), access).status == 204);
    CHECK(set_up(token->reveal(), good_password).status == 403);
}

TEST_CASE("an invitation makes a member with the role it names, once") {
    SignInFixture f;
    f.add("admin@example.com", Role::admin);
    const std::string admin = f.tokens("admin@example.com").at("access_token");
    CHECK(f.call("POST", "invitations", {{"email", "dora@example.com"}, {"role", "owner"}}, admin).status == 403);
    CHECK(f.call("POST", "invitations", {{"email", "dora@example.com"}, {"role", "king"}}, admin).status == 400);
    const auto invited = f.call("POST", "invitations", {{"email", "Dora@example.com"}, {"role", "viewer"}}, admin);
    REQUIRE(invited.status == 201);
    CHECK_FALSE(json::parse(invited.body).contains("token"));
    const auto mails = f.mails("dora@example.com");
    REQUIRE(mails.size() == 1);
    const std::string token = SignInFixture::token_in(mails[0]);
    CHECK(f.call("POST", "invitations/accept", {{"token", token}, {"password", "short"}}).status == 400);
    const auto accepted =
        f.call("POST", "invitations/accept", {{"token", token}, {"password", good_password}, {"name", "Dora"}});
    REQUIRE(accepted.status == 200);
    CHECK(f.call("POST", "invitations/accept", {{"token", token}, {"password", good_password}}).status == 403);
    const auto dora = f.users->find_by_email("dora@example.com");
    REQUIRE(dora.has_value());
    CHECK(dora->email_verified);
    CHECK(f.users->memberships(dora->id)->at(0).role == Role::viewer);
    CHECK(f.call("POST", "invitations", {{"email", "x@example.com"}}, json::parse(accepted.body).at("access_token"))
              .status == 403);
}

TEST_CASE("an invitation changes nobody's password") {
    SignInFixture f;
    f.settings.mail = {};
    f.add("admin@example.com", Role::admin);
    f.add("alice@example.com");
    const std::string admin = f.tokens("admin@example.com").at("access_token");
    const auto invite = [&](const std::string& email) {
        return json::parse(f.call("POST", "invitations", {{"email", email}, {"role", "admin"}}, admin).body)
            .at("token")
            .get<std::string>();
    };
    const auto accepted =
        f.call("POST", "invitations/accept", {{"token", invite("alice@example.com")}, {"password", new_password}});
    CHECK(accepted.status == 204);
    CHECK(f.login("alice@example.com", new_password).status == 401);
    CHECK(f.login("alice@example.com", good_password).status == 200);
    // Somebody whom another organisation invited is not taken over by who holds the link here.
    const auto elsewhere = f.users->create_org("elsewhere");
    REQUIRE(f.users->add_member(elsewhere->id, "eve@example.com", Role::owner).has_value());
    CHECK(f.call("POST", "invitations/accept", {{"token", invite("eve@example.com")}, {"password", new_password}})
              .status == 409);
}

TEST_CASE("only a link that went to the address by mail verifies it") {
    SignInFixture f;
    const MailSettings mail = f.settings.mail;
    f.add("admin@example.com", Role::admin);
    f.add("boss@example.com", Role::owner);
    const std::string admin = f.tokens("admin@example.com").at("access_token");
    const std::string boss = f.tokens("boss@example.com").at("access_token");
    f.settings.mail = {};
    f.configure();
    const auto invited = json::parse(f.call("POST", "invitations", {{"email", "gina@example.com"}}, admin).body);
    const auto accepted =
        f.call("POST", "invitations/accept", {{"token", invited.at("token")}, {"password", good_password}});
    REQUIRE_MESSAGE(accepted.status == 200, accepted.body);
    CHECK_FALSE(f.users->find_by_email("gina@example.com")->email_verified);
    CHECK(f.login("gina@example.com", good_password).status == 200);

    const auto made = json::parse(f.call("POST", "password/reset-link", {{"email", "gina@example.com"}}, boss).body);
    const json handed = {{"token", made.at("token")}, {"new_password", new_password}};
    CHECK(f.call("POST", "password/reset/confirm", handed).status == 204);
    CHECK_FALSE(f.users->find_by_email("gina@example.com")->email_verified);
    CHECK(f.login("gina@example.com", new_password).status == 200);

    f.settings.mail = mail;
    f.configure();
    CHECK(f.call("POST", "password/reset", {{"email", "gina@example.com"}}).status == 202);
    f.service->settle();
    const json mailed = {{"token", SignInFixture::token_in(f.mails("gina@example.com").at(0))},
                         {"new_password", good_password}};
    CHECK(f.call("POST", "password/reset/confirm", mailed).status == 204);
    CHECK(f.users->find_by_email("gina@example.com")->email_verified);
}

TEST_CASE("open sign-up: closed by default, verified by mail, and silent about who is there") {
    SignInFixture f;
    const json wanted = {{"email", "fred@example.com"}, {"password", good_password}, {"name", "Fred"}};
    CHECK(f.call("POST", "register", wanted).status == 403);
    f.settings.open_signup = true;
    f.add("alice@example.com");
    const auto fresh = f.call("POST", "register", wanted);
    CHECK(fresh.status == 202);
    auto taken_body = wanted;
    taken_body["email"] = "alice@example.com";
    taken_body["password"] = new_password;
    const auto taken = f.call("POST", "register", taken_body);
    CHECK(fresh.body == taken.body);
    f.service->settle();
    CHECK(f.login("alice@example.com", new_password).status == 401);
    CHECK(f.mails("alice@example.com").at(0).find("account already") != std::string::npos);
    CHECK(f.login("fred@example.com", good_password).status == 403);
    CHECK(f.events.back().detail == "the address is not verified yet");
    CHECK(f.login("fred@example.com", "wrong").status == 401);
    const std::string token = SignInFixture::token_in(f.mails("fred@example.com").at(0));
    CHECK(f.call("POST", "verify", {{"token", token}}).status == 204);
    CHECK(f.call("POST", "verify", {{"token", token}}).status == 403);
    CHECK(f.login("fred@example.com", good_password).status == 200);
    const auto fred = f.users->find_by_email("fred@example.com");
    CHECK(f.users->memberships(fred->id)->at(0).role == Role::member);
}

TEST_CASE("an imported bcrypt hash signs in and is replaced by Argon2id") {
    SignInFixture f;
    f.add("owner@example.com", Role::owner);
    const std::string owner = f.tokens("owner@example.com").at("access_token");
    const json body = {{"email", "old@example.com"},
                       {"password_hash", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"}};
    CHECK(f.call("POST", "password/import", {{"email", "x@example.com"}, {"password_hash", "plain"}}, owner).status ==
          400);
    CHECK(f.call("POST", "password/import", body, owner).status == 201);
    CHECK(f.call("POST", "password/import", body, owner).status == 409);
    CHECK(f.login("old@example.com", "U*V").status == 401);
    CHECK(f.login("old@example.com", "U*U").status == 200);
    const auto hash = f.credentials->password(f.users->find_by_email("old@example.com")->id);
    CHECK((*hash)->hash.starts_with("$argon2id$"));
    CHECK(f.login("old@example.com", "U*U").status == 200);
}

TEST_CASE("a second factor: enrolled, wanted at sign-in, its codes taken once, recovery codes too") {
    SignInFixture f;
    f.add("alice@example.com");
    const std::string access = f.tokens("alice@example.com").at("access_token");
    CHECK(f.call("POST", "totp", {{"password", "wrong"}}, access).status == 403);
    const auto enrolled = f.call("POST", "totp", {{"password", good_password}}, access);
    REQUIRE(enrolled.status == 200);
    const Secret secret = secret_of(json::parse(enrolled.body).at("secret"));
    CHECK(f.login("alice@example.com", good_password).status == 200);  // not before it is confirmed
    CHECK(f.call("POST", "totp/confirm", {{"code", "000000"}}, access).status == 403);
    const auto confirmed = f.call("POST", "totp/confirm", {{"code", *totp_code(secret, f.clock.time)}}, access);
    REQUIRE(confirmed.status == 200);
    const json codes = json::parse(confirmed.body).at("recovery_codes");
    CHECK(codes.size() == 10);

    const auto without = f.login("alice@example.com", good_password);
    CHECK(without.status == 401);
    CHECK(json::parse(without.body).at("totp_required") == true);
    CHECK(f.login("alice@example.com", "wrong").body.find("totp_required") == std::string::npos);
    const auto with = [&](const json& more) { return f.login("alice@example.com", good_password, more).status; };
    CHECK(with({{"totp", *totp_code(secret, f.clock.time)}}) == 401);  // the step that confirmed it
    f.clock.time += 30 * second;
    const std::string code = *totp_code(secret, f.clock.time);
    CHECK(with({{"totp", code}}) == 200);
    CHECK(with({{"totp", code}}) == 401);
    CHECK(with({{"recovery_code", codes[0]}}) == 200);
    CHECK(with({{"recovery_code", codes[0]}}) == 401);
    CHECK(json::parse(f.call("GET", "totp", {}, access).body).at("recovery_codes") == 9);

    CHECK(f.call("POST", "totp", {{"password", good_password}}, access).status == 409);
    CHECK(f.call("POST", "totp/disable", {{"password", good_password}}, access).status == 403);
    CHECK(f.call("POST", "totp/disable", {{"password", good_password}, {"recovery_code", codes[1]}}, access).status ==
          204);
    CHECK(with(json::object()) == 200);
}

TEST_CASE("guessing the second factor is locked out") {
    SignInFixture f;
    f.add("alice@example.com");
    const std::string access = f.tokens("alice@example.com").at("access_token");
    const Secret secret =
        secret_of(json::parse(f.call("POST", "totp", {{"password", good_password}}, access).body).at("secret"));
    REQUIRE(f.call("POST", "totp/confirm", {{"code", *totp_code(secret, f.clock.time)}}, access).status == 200);
    int judged = 0;
    for (int i = 0; i < 20; ++i)
        judged +=
            f.login("alice@example.com", good_password, {{"totp", "12345" + std::to_string(i % 10)}}).status == 401;
    CHECK(judged == 5);
}

TEST_CASE("users of the configuration are made once, and follow it") {
    SignInFixture f;
    f.configure({{"ci@example.com", Secret("short but meant"), Role::admin}});
    const auto answer = f.login("ci@example.com", "short but meant");
    REQUIRE(answer.status == 200);
    const std::string access = json::parse(answer.body).at("access_token");
    f.configure({{"ci@example.com", Secret("short but meant"), Role::viewer}});
    CHECK(f.accepted(access));  // the same password ends nothing
    CHECK(f.users->memberships(f.users->find_by_email("ci@example.com")->id)->at(0).role == Role::viewer);
    f.configure({{"ci@example.com", Secret("another one"), Role::viewer}});
    CHECK_FALSE(f.accepted(access));
    CHECK(f.login("ci@example.com", "another one").status == 200);
    CHECK_FALSE(f.service->prepare(f.settings, {{"ci@example.com", Secret(), Role::viewer}}).has_value());
    CHECK(f.service->prepare(f.settings, {{"next@example.com", Secret("one more"), Role::viewer}}).has_value());
    CHECK_FALSE(f.users->find_by_email("next@example.com").has_value());  // prepared only
}

TEST_CASE("erasing a user takes their credentials along") {
    SignInFixture f;
    const User alice = f.add("alice@example.com");
    f.add("owner@example.com", Role::owner);
    const std::string access = f.tokens("alice@example.com").at("access_token");
    REQUIRE(f.users->erase(alice.id).has_value());
    CHECK_FALSE(f.accepted(access));
    CHECK_FALSE(f.credentials->password(alice.id)->has_value());
}

TEST_CASE("no secret is stored in clear") {
    SignInFixture f;
    f.add("alice@example.com");
    const json tokens = f.tokens("alice@example.com");
    const std::string cookie = f.login("alice@example.com", good_password, {{"session", true}}).headers.at(0).second;
    const json enrolled =
        json::parse(f.call("POST", "totp", {{"password", good_password}}, tokens.at("access_token")).body);
    const std::string secret(secret_of(enrolled.at("secret")).reveal());
    for (const auto& entry : std::filesystem::directory_iterator(f.folder.path)) {
        if (!entry.is_regular_file()) continue;
        std::ifstream file(entry.path(), std::ios::binary);
        const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
        for (const std::string& text :
             {good_password, tokens.at("refresh_token").get<std::string>(), secret,
              tokens.at("access_token").get<std::string>(), cookie.substr(21, 40), std::string("\"d\":")}) {
            CHECK(bytes.find(text) == std::string::npos);
        }
    }
}
