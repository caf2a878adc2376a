#include "fixture.hpp"
#include "modules/signin/cookie.hpp"

using namespace lurus;
using namespace lurus::signin;
using namespace lurus::test;

TEST_CASE("a password gives tokens, which say who asks until they expire") {
    SignInFixture f;
    const User alice = f.add("alice@example.com", Role::admin);
    const json tokens = f.tokens(" Alice@Example.com ");
    CHECK(tokens.at("token_type") == "Bearer");
    CHECK(tokens.at("expires_in") == 900);
    CHECK(tokens.at("user").at("id") == alice.id);
    ApiRequest request;
    const auto who = f.service->principal(request, tokens.at("access_token").get<std::string>());
    REQUIRE(who.has_value());
    CHECK(who->kind == Principal::Kind::user);
    CHECK(who->user == alice.id);
    CHECK_FALSE(who->by_cookie);
    f.clock.time += 15 * minute - second;
    CHECK(f.accepted(tokens.at("access_token")));
    f.clock.time += second;
    CHECK_FALSE(f.accepted(tokens.at("access_token")));
    CHECK(f.noted("signed in"));
    CHECK(f.service->principal(request, "")->kind == Principal::Kind::anonymous);
    CHECK(f.service->principal(request, "nonsense").error().code == ErrorCode::unauthenticated);
}

TEST_CASE("who does not exist and who is wrong get the same answer, and both are locked out the same") {
    SignInFixture f;
    f.add("alice@example.com");
    std::vector<std::pair<int, std::string>> known, unknown;
    for (int i = 0; i < 7; ++i) {
        const auto a = f.login("alice@example.com", "wrong"), b = f.login("nobody@example.com", "wrong");
        known.emplace_back(a.status, a.body);
        unknown.emplace_back(b.status, b.body);
    }
    CHECK(known == unknown);
    CHECK(known.front().first == 401);
    CHECK(known.back().first == 429);
    CHECK(f.login("alice@example.com", good_password).status == 429);
    f.clock.time += 31 * second;
    CHECK(f.login("alice@example.com", good_password).status == 200);
    CHECK(f.login("alice@example.com", "wrong").status == 401);
    CHECK(f.login("alice@example.com", good_password).status == 200);
}

TEST_CASE("a clock that is set forward or back neither ends a wait nor makes it longer") {
    SignInFixture f;
    f.add("alice@example.com");
    for (int i = 0; i < 7; ++i) f.login("alice@example.com", "wrong");
    for (const std::int64_t ahead : {24 * hour, -24 * hour}) {
        f.clock.ahead = ahead;
        CHECK(f.login("alice@example.com", good_password).status == 429);
    }
    f.clock.time += 31 * second;
    CHECK(f.login("alice@example.com", good_password).status == 200);
}

TEST_CASE("an address that guesses at many accounts is slowed down as a whole") {
    SignInFixture f;
    f.add("alice@example.com");
    int refused = 0;
    for (int i = 0; i < 30; ++i)
        refused += f.login("user" + std::to_string(i) + "@example.com", "x").status == 429 ? 1 : 0;
    CHECK(refused == 10);
    CHECK(f.login("alice@example.com", good_password).status == 429);
    const json body = {{"email", "alice@example.com"}, {"password", good_password}};
    CHECK(f.call("POST", "login", body, "", "", "198.51.100.7").status == 200);
}

TEST_CASE("a refresh token that is used twice ends its session, also for the thief") {
    SignInFixture f;
    f.add("alice@example.com");
    const json first = f.tokens("alice@example.com");
    const json other = f.tokens("alice@example.com");
    const auto second_answer = f.call("POST", "refresh", {{"refresh_token", first.at("refresh_token")}});
    REQUIRE(second_answer.status == 200);
    const json second_pair = json::parse(second_answer.body);
    CHECK(second_pair.at("refresh_token") != first.at("refresh_token"));
    CHECK(f.accepted(second_pair.at("access_token")));
    CHECK(f.call("POST", "refresh", {{"refresh_token", first.at("refresh_token")}}).status == 401);
    CHECK(f.noted("refresh token reused"));
    CHECK(f.call("POST", "refresh", {{"refresh_token", second_pair.at("refresh_token")}}).status == 401);
    CHECK_FALSE(f.accepted(second_pair.at("access_token")));
    CHECK_FALSE(f.accepted(first.at("access_token")));
    CHECK(f.accepted(other.at("access_token")));
    CHECK(f.call("POST", "refresh", {{"refresh_token", "lrt_nonsense"}}).status == 401);
}

TEST_CASE("signing out ends this session, or all") {
    SignInFixture f;
    f.add("alice@example.com");
    const std::string a = f.tokens("alice@example.com").at("access_token"),
                      b = f.tokens("alice@example.com").at("access_token"),
                      c = f.tokens("alice@example.com").at("access_token");
    CHECK(f.call("POST", "logout", json::object(), a).status == 204);
    CHECK_FALSE(f.accepted(a));
    CHECK(f.accepted(b));
    CHECK(json::parse(f.call("GET", "sessions", {}, b).body).at("data").size() == 2);
    CHECK(f.call("POST", "logout", {{"all", true}}, b).status == 204);
    CHECK_FALSE(f.accepted(c));
}

TEST_CASE("sessions are listed to their owner and ended by nobody else") {
    SignInFixture f;
    f.add("alice@example.com");
    f.add("bob@example.com");
    const std::string alice = f.tokens("alice@example.com").at("access_token"),
                      bob = f.tokens("bob@example.com").at("access_token");
    const json session = json::parse(f.call("GET", "sessions", {}, alice).body).at("data").at(0);
    CHECK(session.at("current") == true);
    CHECK(session.at("address") == "192.0.2.1");
    const auto end = [&](const std::string& bearer) {
        for (const auto& route : f.service->api()) {
            if (route.operation_id != "endSession") continue;
            ApiRequest request;
            request.params["id"] = session.at("id");
            return f.as(route, request, bearer).status;
        }
        return 0;
    };
    CHECK(end(bob) == 404);
    CHECK(f.accepted(alice));
    CHECK(end(alice) == 204);
    CHECK_FALSE(f.accepted(alice));
}

TEST_CASE("a browser gets a cookie that scripts cannot read, and no tokens") {
    SignInFixture f;
    f.add("alice@example.com");
    const auto answer = f.login("alice@example.com", good_password, {{"session", true}});
    REQUIRE(answer.status == 200);
    CHECK_FALSE(json::parse(answer.body).contains("access_token"));
    REQUIRE(answer.headers.size() == 1);
    const std::string cookie = answer.headers[0].second;
    CHECK(cookie.starts_with("__Host-lurus_session=lss_"));
    for (const char* part : {"; Path=/;", "; HttpOnly", "; SameSite=Lax", "; Secure"})
        CHECK(cookie.find(part) != std::string::npos);
    CHECK(cookie.find("Domain") == std::string::npos);
    const std::string sent = cookie.substr(0, cookie.find(';'));
    CHECK(f.call("GET", "sessions", {}, "", "a=b; " + sent + "; c=d").status == 200);
    CHECK(f.call("GET", "sessions", {}, "", "x" + sent).status == 401);
    const auto out = f.call("POST", "logout", json::object(), "", sent);
    CHECK(out.status == 204);
    REQUIRE(out.headers.size() == 1);
    CHECK(out.headers[0].second.find("Max-Age=0") != std::string::npos);
    CHECK(f.call("GET", "sessions", {}, "", sent).status == 401);
}

TEST_CASE("only this machine's own loopback without TLS gets a cookie without Secure") {
    ApiRequest request;
    request.remote_address = "127.0.0.1";
    CHECK(cookie_kind(request, "") == CookieKind::loopback);
    CHECK(cookie_kind(request, "https://lurus.example.com") == CookieKind::secure);
    request.headers["origin"] = "https://lurus.example.com";
    CHECK(cookie_kind(request, "") == CookieKind::secure);
    request.headers.clear();
    request.tls = true;
    for (const char* origin : {"", "http://lurus.example.com", "null"}) {
        request.headers["origin"] = origin;
        CHECK(cookie_kind(request, "") == CookieKind::secure);
    }
    request.headers.clear();
    request.tls = false;
    request.remote_address = "192.0.2.1";
    CHECK(cookie_kind(request, "") == CookieKind::secure);
    request.remote_address = "";
    CHECK(cookie_kind(request, "") == CookieKind::secure);
    // A plain cookie is not taken where a secure one is wanted; a secure one is taken everywhere.
    request.headers["cookie"] = "lurus_session=x";
    CHECK(cookie_value(request, Cookie::session, "").empty());
    request.remote_address = "127.0.0.1";
    CHECK(cookie_value(request, Cookie::session, "") == "x");
    CHECK(cookie_value(request, Cookie::session, "https://lurus.example.com").empty());
    request.headers["cookie"] = "lurus_session=x; __Secure-lurus_session=z; __Host-lurus_session=y";
    CHECK(cookie_value(request, Cookie::session, "") == "y");
    CHECK(cookie_value(request, Cookie::oidc, "").empty());
    request.headers["cookie"] = "lurus_session=x; __Secure-lurus_session=z";
    CHECK(cookie_value(request, Cookie::session, "") == "z");
}

TEST_CASE("keys rotate: old tokens go on, new ones name the new key, and after a day the old key is gone") {
    SignInFixture f;
    f.add("owner@example.com", Role::owner);
    f.add("alice@example.com");
    f.settings.access_token_ms = 48 * 3600 * 1000;
    f.configure();
    const std::string before = f.tokens("owner@example.com").at("access_token");
    CHECK(f.call("POST", "keys/rotate", json::object(), f.tokens("alice@example.com").at("access_token")).status ==
          403);
    CHECK(f.call("POST", "keys/rotate", json::object(), before).status == 204);
    const std::string after = f.tokens("owner@example.com").at("access_token");
    CHECK(jwt_header(before)->kid != jwt_header(after)->kid);
    CHECK(f.accepted(before));
    const json keys = json::parse(f.call("GET", "jwks.json").body).at("keys");
    CHECK(keys.size() == 2);
    for (const auto& key : keys) {
        CHECK_FALSE(key.contains("d"));
        const auto parsed = Jwk::parse(key.dump());
        CHECK(
            jwt_verify(key.at("kid") == jwt_header(after)->kid ? after : before, *parsed, own_algorithms).has_value());
    }
    f.restart();  // the keys rest in the store, sealed
    CHECK(f.accepted(before));
    f.clock.time += 25 * hour;
    CHECK_FALSE(f.accepted(before));
    CHECK(f.accepted(after));
    CHECK(json::parse(f.call("GET", "jwks.json").body).at("keys").size() == 1);
}

TEST_CASE("a disabled user is out at once, and cannot refresh") {
    SignInFixture f;
    const User alice = f.add("alice@example.com");
    const json tokens = f.tokens("alice@example.com");
    REQUIRE(f.users->set_status(alice.id, UserStatus::disabled).has_value());
    CHECK_FALSE(f.accepted(tokens.at("access_token")));
    CHECK(f.call("POST", "refresh", {{"refresh_token", tokens.at("refresh_token")}}).status == 401);
    CHECK(f.login("alice@example.com", good_password).status == 401);
}

TEST_CASE("a service token is short, scoped, of an account of one's own organisation, and nobody's session") {
    SignInFixture f;
    f.add("admin@example.com", Role::admin);
    f.add("alice@example.com");
    const auto robot = f.users->add_service(default_org, "robot", Role::member);
    const auto boss = f.users->add_service(default_org, "boss", Role::owner);
    const auto elsewhere = f.users->create_org("elsewhere");
    const auto foreign = f.users->add_service(elsewhere->id, "robot", Role::member);
    REQUIRE(robot.has_value());
    REQUIRE(foreign.has_value());
    const std::string admin = f.tokens("admin@example.com").at("access_token");
    const auto ask = [&](const std::string& account, const json& scope, int seconds, const std::string& bearer) {
        return f.call("POST", "service-token",
                      {{"service_account", account}, {"scope", scope}, {"expires_in", seconds}}, bearer);
    };
    CHECK(ask(robot->id, {"read_keys"}, 60, f.tokens("alice@example.com").at("access_token")).status == 403);
    CHECK(ask(foreign->id, {"read_keys"}, 60, admin).status == 404);
    CHECK(ask(boss->id, {"read_keys"}, 60, admin).status == 403);
    CHECK(ask(robot->id, {"fly"}, 60, admin).status == 400);
    CHECK(ask(robot->id, json::array(), 60, admin).status == 400);
    CHECK(ask(robot->id, {"read_keys"}, 3601, admin).status == 400);
    const auto made = ask(robot->id, {"read_keys"}, 60, admin);
    REQUIRE(made.status == 200);
    const std::string token = json::parse(made.body).at("access_token");
    auto who = f.service->principal({}, token);
    REQUIRE(who.has_value());
    who = f.users->in_organisation(*who, "");
    REQUIRE(who.has_value());
    CHECK(who->kind == Principal::Kind::service);
    CHECK(who->may(Permission::read_keys));
    CHECK_FALSE(who->may(Permission::change_keys));
    CHECK(f.call("POST", "password", {{"current_password", "a"}, {"new_password", "b"}}, token).status == 403);
    f.clock.time += minute;
    CHECK_FALSE(f.service->principal({}, token).has_value());
}

TEST_CASE("bodies that are not what the route takes are named, and no value is repeated") {
    SignInFixture f;
    for (const auto& [body, word] : std::vector<std::pair<std::string, std::string>>{
             {R"({"email":"a@example.com"})", "`password`"},
             {R"({"email":1,"password":"secret-text"})", "`email`"},
             {R"({"email":"a@example.com","password":"secret-text","remember":true})", "`remember`"},
             {R"({"email":"a@example.com","password":"secret-text","session":"yes"})", "`session`"},
             {R"(["secret-text"])", "object"},
             {R"({"email":"a@example.com","password":)", "object"}}) {
        for (const auto& route : f.service->api()) {
            if (route.operation_id != "login") continue;
            ApiRequest request;
            request.body = body;
            const auto answer = route.handler(request);
            CHECK(answer.status == 400);
            CHECK(answer.body.find(word) != std::string::npos);
            CHECK(answer.body.find("secret-text") == std::string::npos);
        }
    }
}
