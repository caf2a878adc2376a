// Two processes over one database.
#include <doctest/doctest.h>

#include "fixture.hpp"

using namespace lurus;
using namespace lurus::signin;
using namespace lurus::test;

namespace {

/// The same folder and clock, and nothing else in common.
struct OtherProcess {
    SignInFixture& first;
    IdentityStores stores{first.folder.path / "lurus.db"};
    std::unique_ptr<CredentialStore> credentials = make_credential_store(*stores.database);
    identity::Directory users{*stores.people, first.clock};
    std::unique_ptr<SignInService> service;

    explicit OtherProcess(SignInFixture& f) : first(f) {
        auto box = SecretBox::from_file(f.folder.path);
        REQUIRE(box.has_value());
        service = std::make_unique<SignInService>(*credentials, *std::move(box), users, f.clock,
                                                  Argon2Cost{.memory_kib = 64, .passes = 1, .lanes = 1});
    }

    ApiResponse call(const std::string& method, const std::string& path, const json& body = json::object()) {
        for (const auto& route : service->api()) {
            if (route.method != method || route.path != "/api/v1/auth/" + path) continue;
            ApiRequest request;
            request.method = method;
            request.path = route.path;
            if (method != "GET") request.body = body.dump();
            request.remote_address = "192.0.2.2";
            return route.handler(request);
        }
        FAIL("no route " << method << " " << path);
        return {};
    }
    std::string token(const std::string& email) {
        const auto answer = call("POST", "login", {{"email", email}, {"password", good_password}});
        REQUIRE_MESSAGE(answer.status == 200, answer.body);
        return json::parse(answer.body).at("access_token");
    }
    bool accepts(const std::string& bearer) { return service->principal(ApiRequest(), bearer).has_value(); }
    std::vector<std::string> kids() {
        std::vector<std::string> out;
        const json keys = json::parse(call("GET", "jwks.json").body).at("keys");
        for (const auto& key : keys) out.push_back(key.at("kid"));
        return out;
    }
};

std::string kid_of(const std::string& token) {
    const auto header = jwt_header(token);
    REQUIRE(header.has_value());
    return header->kid;
}

void rotate(SignInFixture& f) {
    f.clock.time += second;
    const std::string owner = f.tokens("owner@example.com").at("access_token");
    REQUIRE(f.call("POST", "keys/rotate", json::object(), owner).status == 204);
}

}  // namespace

TEST_CASE("signing keys: a token of a key that another process made is taken at once, and its key is shown") {
    SignInFixture f;
    f.add("owner@example.com", Role::owner);
    OtherProcess other(f);
    const std::string first = f.tokens("owner@example.com").at("access_token");
    CHECK(other.accepts(first));
    rotate(f);
    const std::string second = f.tokens("owner@example.com").at("access_token");
    CHECK(kid_of(second) != kid_of(first));
    CHECK(other.accepts(second));
    CHECK(other.accepts(first));
    CHECK_FALSE(other.accepts(second + "A"));
    rotate(f);
    const std::string third = f.tokens("owner@example.com").at("access_token");
    CHECK(other.kids() == std::vector<std::string>{kid_of(third), kid_of(second), kid_of(first)});
}

TEST_CASE("signing keys: a refresh makes another process's new key the one that signs here") {
    SignInFixture f;
    f.add("owner@example.com", Role::owner);
    OtherProcess other(f);
    const std::string before = other.token("owner@example.com");
    rotate(f);
    REQUIRE(other.service->refresh().has_value());
    const std::string after = other.token("owner@example.com");
    CHECK(kid_of(after) != kid_of(before));
    CHECK(kid_of(after) == kid_of(f.tokens("owner@example.com").at("access_token")));
    // What concerns no key leaves them as they are, however much of it there is.
    for (int i = 0; i < 300; ++i) {
        const std::string user = "user " + std::to_string(i);
        REQUIRE(f.credentials->set_password(user, "hash", 0, f.clock.time).has_value());
    }
    REQUIRE(other.service->refresh().has_value());
    CHECK(kid_of(other.token("owner@example.com")) == kid_of(after));
    rotate(f);
    REQUIRE(other.service->refresh().has_value());
    CHECK(kid_of(other.token("owner@example.com")) != kid_of(after));
}

TEST_CASE("signing keys: of two processes that find theirs too old, one makes the next and both use it") {
    SignInFixture f;
    f.add("owner@example.com", Role::owner);
    OtherProcess other(f);
    const std::string before = other.token("owner@example.com");
    CHECK(kid_of(before) == kid_of(f.tokens("owner@example.com").at("access_token")));
    f.clock.time += KeyRing::rotate_after + second;
    const std::string here = f.tokens("owner@example.com").at("access_token");
    CHECK(kid_of(here) != kid_of(before));
    CHECK(kid_of(other.token("owner@example.com")) == kid_of(here));
    CHECK(f.credentials->signing_keys()->size() == 2);
}

TEST_CASE("users of the configuration: two processes that start at once make them once") {
    SignInFixture f;
    OtherProcess other(f);
    const std::vector<ConfiguredUser> wanted = {{"ci@example.com", Secret(good_password), Role::member}};
    auto here = f.service->prepare(f.settings, wanted);
    auto there = other.service->prepare(f.settings, wanted);
    auto late = other.service->prepare(f.settings, {{"ci@example.com", Secret("another password"), Role::member}});
    REQUIRE(here.has_value());
    REQUIRE(there.has_value());
    REQUIRE(late.has_value());
    REQUIRE((*here)->store().has_value());
    const std::string access = f.tokens("ci@example.com").at("access_token");
    REQUIRE((*there)->store().has_value());
    CHECK(f.accepted(access));  // the same password ends nothing
    // The configuration that is read last wins.
    REQUIRE((*late)->store().has_value());
    CHECK_FALSE(f.accepted(access));
    CHECK(f.login("ci@example.com", "another password").status == 200);
}

TEST_CASE("what one process changes of somebody's sign-in counts in the other at once") {
    SignInFixture f;
    f.add("alice@example.com");
    OtherProcess other(f);
    const std::string access = other.token("alice@example.com");
    CHECK(f.accepted(access));
    REQUIRE(f.call("POST", "password",
                   {{"current_password", good_password}, {"new_password", "green ships in a bottle"}}, access)
                .status == 204);
    CHECK_FALSE(other.accepts(access));
    CHECK(other.call("POST", "login", {{"email", "alice@example.com"}, {"password", good_password}}).status == 401);
}
