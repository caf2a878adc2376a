// Two processes over one database.
#include "tests/unit/provider/api_support.hpp"

using namespace lurus;
using namespace lurus::provider::test;

namespace {

/// The module of another process over the fixture's database.
struct Other {
    explicit Other(Fixture& f) {
        auto opened = sql::open_sqlite(f.file, {"provider"});
        REQUIRE_MESSAGE(opened.has_value(), opened.error().message);
        database = *std::move(opened);
        store = make_provider_store(*database);
        auto made = make_providers(f.settings, *store, f.clock);
        REQUIRE_MESSAGE(made.has_value(), made.error().message);
        providers = *std::move(made);
    }
    std::unique_ptr<sql::Database> database;
    std::unique_ptr<ProviderStore> store;
    std::unique_ptr<Providers> providers;
};

std::string resolved(Providers& providers, std::string_view model) {
    return shown(providers.snapshot()->resolve(Family::openai, model));
}

}  // namespace

TEST_CASE("providers: what another process changes is taken over, and told once") {
    Fixture f;
    Other other(f);
    int told = 0;
    other.providers->on_change([&] { ++told; });
    REQUIRE(f.providers->add(spec("p", "openai", {"m"})).has_value());
    CHECK(resolved(*other.providers, "m") != "p:m (model)");
    REQUIRE(other.providers->refresh().has_value());
    CHECK(resolved(*other.providers, "m") == "p:m (model)");
    CHECK(told == 1);
    REQUIRE(other.providers->refresh().has_value());
    CHECK(told == 1);
    // What this one stored itself is no news to it.
    REQUIRE(other.providers->add(spec("q", "openai", {"n"})).has_value());
    CHECK(told == 2);
    REQUIRE(other.providers->refresh().has_value());
    CHECK(told == 2);
    REQUIRE(f.providers->remove("p").has_value());
    REQUIRE(other.providers->refresh().has_value());
    CHECK(told == 3);
    CHECK(resolved(*other.providers, "m").starts_with("!"));
    CHECK(resolved(*f.providers, "n") == "q:n (model)");
}

TEST_CASE("providers: a change is made on what there is, also where that came from elsewhere") {
    Fixture f;
    Other other(f);
    REQUIRE(f.providers->add(spec("p", "openai", {"m"})).has_value());
    CHECK(other.providers->add(spec("p", "openai")).error().code == ErrorCode::conflict);
    REQUIRE(other.providers->add(spec("q", "openai", {"n"})).has_value());
    CHECK(resolved(*other.providers, "m") == "p:m (model)");
    REQUIRE(other.providers->remove("p").has_value());
    CHECK(f.providers->remove("p").error().code == ErrorCode::not_found);
}

TEST_CASE("providers: a target of the configuration that goes elsewhere takes only itself along") {
    Fixture f;
    REQUIRE(f.providers->add(spec("p", "openai", {"m"})).has_value());
    REQUIRE(f.providers->add(spec("q", "openai", {"n"})).has_value());
    f.configure({}, {route("r", {"p/x", "q/y"})});
    CHECK(f.resolve(Family::openai, "r") == "p:x (route), q:y (fallback 1)");
    Other other(f);
    REQUIRE(other.providers->remove("p").has_value());
    REQUIRE(f.providers->refresh().has_value());
    CHECK(f.resolve(Family::openai, "r") == "q:y (route)");
    // The others go on being changed.
    REQUIRE(f.providers->add(spec("z", "openai", {"zz"})).has_value());
    CHECK(f.resolve(Family::openai, "zz") == "z:zz (model)");
    // A file that is read anew is held to what there is.
    CHECK(f.refused({}, {route("r", {"p/x", "q/y"})}).contains("'p/x'"));
}

TEST_CASE("providers: what was stored between preparing and committing stays") {
    Fixture f;
    auto prepared = f.providers->prepare({spec("c", "openai", {"m"})}, {});
    REQUIRE(prepared.has_value());
    CHECK(f.find("c") == nullptr);
    Other other(f);
    REQUIRE(other.providers->add(spec("p", "openai", {"n"})).has_value());
    REQUIRE(f.providers->refresh().has_value());
    (*prepared)->commit();
    CHECK(f.resolve(Family::openai, "m") == "c:m (model)");
    CHECK(f.resolve(Family::openai, "n") == "p:n (model)");
}

TEST_CASE("api: a change names the version it wants, and answers carry it") {
    Api api;
    const auto handled = [&](const std::string& method, const std::string& pattern, const std::string& name,
                             const std::string& body, std::optional<std::int64_t> wanted) {
        for (const ApiRoute& one : api.providers->api()) {
            if (one.method != method || one.path != pattern) continue;
            ApiRequest request;
            request.method = method;
            request.params = {{"name", name}, {"model", name}, {"id", name}};
            request.body = body;
            request.if_version = wanted;
            return one.handler(request);
        }
        FAIL("no such route");
        return ApiResponse();
    };
    const std::string providers = "/api/v1/providers/{name}", routes = "/api/v1/routes/{model}";
    api.configure({spec("c", "openai", {"m"})});
    REQUIRE(api.providers->add(spec("p", "openai", {"n"})).has_value());
    CHECK_FALSE(handled("GET", providers, "c", "", {}).version.has_value());
    const auto first = handled("GET", providers, "p", "", {}).version;
    REQUIRE(first.has_value());
    const auto changed = handled("PATCH", providers, "p", R"({"models":["o"]})", first);
    CHECK(changed.status == 200);
    REQUIRE(changed.version.has_value());
    CHECK(changed.version != first);
    CHECK(handled("PATCH", providers, "p", R"({"models":["o2"]})", first).status == 412);
    CHECK(handled("DELETE", providers, "p", "", first).status == 412);
    CHECK(handled("GET", "/api/v1/accounts/{id}", "p", "", {}).version == changed.version);
    CHECK(handled("PUT", "/api/v1/accounts/{id}", "p", R"({"Status":"ACCOUNT_INACTIVE"})", first).status == 412);

    CHECK(api.call("POST", "/api/v1/routes", {}, R"({"model":"r","to":["p/x"]})").status == 201);
    const auto one = handled("GET", routes, "r", "", {}).version;
    REQUIRE(one.has_value());
    const auto two = handled("PATCH", routes, "r", R"({"to":["c/x"]})", one).version;
    CHECK(two.has_value());
    CHECK(two != one);
    CHECK(handled("PATCH", routes, "r", R"({"to":["p/x"]})", one).status == 412);
    CHECK(handled("DELETE", routes, "r", "", one).status == 412);
    CHECK(handled("DELETE", routes, "r", "", two).status == 204);
    CHECK(handled("DELETE", providers, "p", "", changed.version).status == 204);
}
