// Two modules over one database, as two processes have it: each follows what the other stored.
#include "fixture.hpp"

namespace two_processes_test {

using namespace lurus;
using namespace lurus::test;
using nlohmann::json;

namespace {

struct Other {
    IdentityStores stores;
    std::unique_ptr<Identity> identity;

    explicit Other(const People& first) : stores(first.folder.path / "lurus.db") {
        auto made = make_identity(IdentitySettings(), *stores.keys, *stores.people, first.clock);
        REQUIRE_MESSAGE(made.has_value(), (made ? "" : made.error().message));
        identity = *std::move(made);
    }
    bool usable(const std::string& value, UnixMicros now) const {
        const auto snapshot = identity->snapshot();
        const auto* found = snapshot->find(value);
        return found != nullptr && found->usable_at(now);
    }
};

}  // namespace

TEST_CASE("a key that one made, changed or revoked is so in the other after a refresh, and callbacks are called") {
    People f;
    Other other(f);
    int changes = 0;
    other.identity->on_change([&] { ++changes; });
    const auto made = f.create("shared");
    const std::string value(made.key.reveal());
    CHECK_FALSE(other.usable(value, f.clock.now()));
    REQUIRE(other.identity->refresh().has_value());
    CHECK(other.usable(value, f.clock.now()));
    CHECK(changes == 1);
    REQUIRE(other.identity->refresh().has_value());
    CHECK(changes == 1);
    REQUIRE(other.identity->set_disabled("shared", true).has_value());
    REQUIRE(f.identity->refresh().has_value());
    CHECK_FALSE(f.identity->snapshot()->find(value)->usable_at(f.clock.now()));
    REQUIRE(f.identity->set_disabled("shared", false).has_value());
    REQUIRE(f.identity->revoke_key("shared").has_value());
    REQUIRE(other.identity->refresh().has_value());
    CHECK(other.identity->snapshot()->find(value) == nullptr);
    CHECK(other.identity->revoke_key("shared").error().code == ErrorCode::not_found);
}

TEST_CASE("a name that the other took is taken without a refresh") {
    People f;
    Other other(f);
    NewKey wanted;
    wanted.name = "laptop";
    REQUIRE(other.identity->create_key(wanted).has_value());
    CHECK(f.identity->create_key(wanted).error().code == ErrorCode::conflict);
    CHECK(f.identity->snapshot()->all().size() == 1);
}

TEST_CASE("a change of a version is stale when the other changed it, and keeps the other's without one") {
    People f;
    Other other(f);
    const auto made = f.create("raced");
    const auto versions = [&](const char* method, const std::string& body, std::optional<std::int64_t> version) {
        ApiRequest request;
        request.method = method;
        request.params["id"] = made.info.id;
        request.body = body;
        request.principal.kind = Principal::Kind::admin_token;
        request.principal.role = Role::owner;
        request.if_version = version;
        for (const auto& route : f.identity->api()) {
            if (route.method == method && route.path == "/api/v1/keys/{id}") return route.handler(request);
        }
        FAIL("no such route");
        return ApiResponse();
    };
    const auto before = versions("GET", "", {});
    CHECK(before.version == 1);
    REQUIRE(other.identity->set_disabled("raced", true).has_value());
    CHECK(versions("PATCH", R"({"note":"mine"})", before.version).status == 412);
    CHECK(versions("DELETE", "", before.version).status == 412);
    const auto changed = versions("PATCH", R"({"note":"mine"})", {});
    CHECK(changed.status == 200);
    CHECK(changed.version == 3);
    CHECK(json::parse(changed.body).at("disabled") == true);
    CHECK(versions("DELETE", "", 3).status == 204);
}

TEST_CASE("members: a version that is not there any more is stale; who is disabled in one is blocked in the other") {
    People f;
    Other other(f);
    const Principal ann = f.person("ann@example.com", Role::member);
    const auto key = f.make_key(ann, R"({"name":"hers"})");
    const std::string value = key.at("key");
    REQUIRE(other.identity->refresh().has_value());
    CHECK(other.usable(value, f.clock.now()));
    const auto member = f.directory.member(ann.member);
    REQUIRE(member.has_value());
    const auto changed = f.directory.change_member(*member, std::nullopt, true, {}, member->version);
    REQUIRE(changed.has_value());
    CHECK(changed->version == member->version + 1);
    const auto late = f.directory.change_member(*member, std::nullopt, false, {}, member->version);
    CHECK(late.error().code == ErrorCode::stale);
    REQUIRE(other.identity->refresh().has_value());
    CHECK_FALSE(other.usable(value, f.clock.now()));
    CHECK(other.identity->snapshot()->find(value)->blocked);
}

}  // namespace two_processes_test
