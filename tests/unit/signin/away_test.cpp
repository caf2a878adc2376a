// The database that the installation's nodes share is away.
#include <doctest/doctest.h>

#include <atomic>

#include "fixture.hpp"
#include "modules/signin/seen_sessions.hpp"

using namespace lurus;
using namespace lurus::signin;
using namespace lurus::test;

namespace {

/// What is read has a copy here; the rest is unavailable while it is away.
class MayBeAway final : public sql::Database {
public:
    explicit MayBeAway(sql::Database& database) : database_(database) {}
    std::atomic<bool> away = false;

    Result<bool> changed() override { return database_.changed(); }

protected:
    Result<void> with_reader(std::string_view doing,
                             const std::function<Result<void>(sql::Connection&)>& work) override {
        return database_.read(doing, [&](sql::Connection& db) { return work(db); });
    }
    Result<void> with_original_reader(std::string_view doing,
                                      const std::function<Result<void>(sql::Connection&)>& work) override {
        return away ? gone() : with_reader(doing, work);
    }
    Result<void> with_writer(std::string_view doing,
                             const std::function<Result<void>(sql::Transaction&)>& work) override {
        return away ? gone() : database_.write(doing, [&](sql::Transaction& db) { return work(db); });
    }

private:
    static Result<void> gone() { return fail(ErrorCode::unavailable, "it is away"); }
    sql::Database& database_;
};

struct NodeOfMany {
    SignInFixture f;
    MayBeAway shared{*f.stores.database};
    std::unique_ptr<CredentialStore> elsewhere = make_credential_store(*f.stores.database);  // another node's
    User alice;

    NodeOfMany() {
        f.service.reset();
        f.credentials = make_credential_store_of_mirror(shared);
        f.restart();
        alice = f.add("alice@example.com");
    }
    ~NodeOfMany() { f.service.reset(); }  // before what it is over

    /// 200, or the status of what is wrong.
    int by_token(const std::string& token) { return status_of(f.service->principal(ApiRequest(), token)); }
    int by_cookie(const std::string& cookie) {
        ApiRequest request;
        request.headers["cookie"] = cookie;
        const auto who = f.service->principal(request, "");
        REQUIRE((!who || who->kind == Principal::Kind::user));
        return status_of(who);
    }
    std::string cookie() {
        const auto answer = f.login("alice@example.com", good_password, {{"session", true}});
        REQUIRE_MESSAGE(answer.status == 200, answer.body);
        for (const auto& [name, value] : answer.headers)
            if (name == "set-cookie") return value.substr(0, value.find(';'));
        FAIL("no cookie");
        return {};
    }
    json tokens() { return f.tokens("alice@example.com"); }
    int login() { return f.login("alice@example.com", good_password).status; }
    ApiResponse refresh(const json& tokens) {
        return f.call("POST", "refresh", {{"refresh_token", tokens.at("refresh_token")}});
    }
    std::string session_of_cookie_id() {
        const auto sessions = elsewhere->sessions(alice.id, f.clock.time);
        for (const auto& session : *sessions)
            if (session.browser) return session.id;
        FAIL("no session of a browser");
        return {};
    }

private:
    static int status_of(const Result<Principal>& who) {
        if (who) return 200;
        return who.error().code == ErrorCode::unauthenticated ? 401
               : who.error().code == ErrorCode::unavailable   ? 503
                                                              : 500;
    }
};

SignInSession session_named(const std::string& id, const std::string& user = "u") {
    SignInSession session;
    session.id = id;
    session.user = user;
    session.expires = 100;
    return session;
}

}  // namespace

TEST_CASE("away: sessions that were seen here hold to their expiry; there are no new ones") {
    NodeOfMany n;
    const json tokens = n.tokens();
    const std::string access = tokens.at("access_token"), cookie = n.cookie();
    n.shared.away = true;
    CHECK(n.by_token(access) == 200);
    CHECK(n.by_cookie(cookie) == 200);
    CHECK(n.login() == 503);
    CHECK(n.refresh(tokens).status == 503);
    CHECK(n.refresh(tokens).status == 503);

    n.shared.away = false;
    const auto refreshed = n.refresh(tokens);  // it was not used up
    CHECK(refreshed.status == 200);
    CHECK(n.login() == 200);
    CHECK_FALSE(n.f.noted("refresh token reused"));

    n.shared.away = true;
    CHECK(n.by_token(json::parse(refreshed.body).at("access_token")) == 200);
    n.f.clock.time += n.f.settings.session_ms * 1000;
    CHECK(n.by_token(access) == 401);
    CHECK(n.by_cookie(cookie) == 401);
}

TEST_CASE("away: a session that was not seen here is not known, which is no reason to sign in again") {
    NodeOfMany n;
    const std::string access = n.tokens().at("access_token"), cookie = n.cookie();
    n.f.service.reset();
    n.f.credentials = make_credential_store_of_mirror(n.shared);  // as after a start
    n.f.restart();
    n.shared.away = true;
    CHECK(n.by_token(access) == 503);
    CHECK(n.by_cookie(cookie) == 503);
    n.shared.away = false;
    CHECK(n.by_token(access) == 200);
    CHECK(n.by_cookie(cookie) == 200);
    n.shared.away = true;
    CHECK(n.by_token(access) == 200);
    CHECK(n.by_cookie(cookie) == 200);
}

TEST_CASE("away: a session that was ended before is over") {
    NodeOfMany n;
    const json tokens = n.tokens();
    const std::string access = tokens.at("access_token"), cookie = n.cookie();
    int kept = 401;
    SUBCASE("by signing out here") {
        REQUIRE(n.f.call("POST", "logout", {{"all", true}}, access).status == 204);
    }
    SUBCASE("by a new password here") {
        REQUIRE(n.f.credentials
                    ->set_password(n.alice.id, "hash", n.f.credentials->password(n.alice.id)->value().version,
                                   n.f.clock.time)
                    .has_value());
    }
    SUBCASE("by a refresh token that was used twice") {
        kept = 200;  // the cookie's is another session
        REQUIRE(n.refresh(tokens).status == 200);
        REQUIRE(n.refresh(tokens).status == 401);
    }
    SUBCASE("on another node") {
        REQUIRE(n.elsewhere->end_sessions(n.alice.id, "elsewhere", n.f.clock.time).has_value());
        REQUIRE(n.f.service->refresh().has_value());
    }
    SUBCASE("on another node, where the user was erased") {
        REQUIRE(n.elsewhere->forget(n.alice.id).has_value());
        REQUIRE(n.f.service->refresh().has_value());
        kept = 503;
    }
    n.shared.away = true;
    CHECK(n.by_token(access) == (kept == 503 ? 503 : 401));
    CHECK(n.by_cookie(cookie) == kept);
}

TEST_CASE("away: another sign-in of the same person ends nothing, and only what was ended elsewhere is over") {
    NodeOfMany n;
    const std::string access = n.tokens().at("access_token"), cookie = n.cookie();
    REQUIRE(n.elsewhere->end_session(n.session_of_cookie_id(), "elsewhere", n.f.clock.time).has_value());
    n.shared.away = true;
    CHECK(n.f.service->refresh().has_value());  // what it cannot ask now it asks later
    n.shared.away = false;
    CHECK(n.f.service->refresh().has_value());
    n.shared.away = true;
    CHECK(n.by_token(access) == 200);
    CHECK(n.by_cookie(cookie) == 401);
}

TEST_CASE("away: the key that signs tokens goes on when it is due to be replaced") {
    NodeOfMany n;
    const std::string access = n.tokens().at("access_token");
    n.f.clock.time += KeyRing::rotate_after + second;
    n.shared.away = true;
    CHECK(n.f.call("GET", "jwks.json").status == 200);
    n.shared.away = false;
    CHECK(n.login() == 200);
    CHECK(n.f.credentials->signing_keys()->size() == 2);
}

TEST_CASE("seen sessions: the one that was not asked for the longest goes") {
    SeenSessions seen(2);
    const SecretHash cookie{1, 2, 3};
    seen.keep(session_named("a"), cookie, seen.ends());
    seen.keep(session_named("b"), std::nullopt, seen.ends());
    CHECK(seen.find(cookie).has_value());
    seen.keep(session_named("c"), std::nullopt, seen.ends());
    CHECK_FALSE(seen.find("b").has_value());
    CHECK(seen.find("a").has_value());
    seen.keep(session_named("a"), std::nullopt, seen.ends());  // its cookie stays known
    CHECK(seen.find(cookie)->id == "a");
    seen.keep(session_named("d"), std::nullopt, seen.ends());
    seen.keep(session_named("e"), std::nullopt, seen.ends());
    CHECK_FALSE(seen.find(cookie).has_value());
}

TEST_CASE("seen sessions: one that ends while it is read is not kept as it was") {
    SeenSessions seen(2);
    seen.keep(session_named("a"), std::nullopt, seen.ends());
    const auto ends = seen.ends();
    seen.ended_of("u", 50);
    seen.keep(session_named("a"), std::nullopt, ends);
    CHECK_FALSE(seen.find("a")->live_at(60));
}
