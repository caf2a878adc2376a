// Rates, versions and requests that are sent twice, without a server.
#include "control/steps/guards.hpp"

#include <doctest/doctest.h>

#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "app/backend.hpp"
#include "control/api/etag.hpp"
#include "control/steps/rate.hpp"
#include "core/db/sqlite.hpp"
#include "core/os/files.hpp"
#include "tests/unit/scratch.hpp"
#include "tests/unit/world.hpp"

using namespace lurus;
using namespace lurus::app;
using namespace lurus::control;

namespace {

struct Desk {
    test::Scratch scratch;
    test::SetClock clock;
    std::unique_ptr<Backend> backend;
    std::unique_ptr<Idempotency> idempotency = open();
    int done = 0;

    std::unique_ptr<Idempotency> open() {
        auto opened = make_backend_sqlite(scratch.dir() / "lurus.db");
        REQUIRE(opened.has_value());
        backend = *std::move(opened);
        auto box = SecretBox::from_text(Secret(std::string(64, 'a')));
        REQUIRE(box.has_value());
        return std::make_unique<Idempotency>(backend->idempotency(), std::move(*box), clock);
    }
    ApiResponse post(const std::string& key, const std::string& body, int status = 201, const std::string& user = "u") {
        ApiRequest request;
        request.method = "POST";
        request.path = "/api/v1/keys";
        request.body = body;
        request.principal.kind = Principal::Kind::user;
        request.principal.user = user;
        return idempotency->run(request, key, [&] {
            ++done;
            ApiResponse response;
            response.status = status;
            response.body = R"({"key":"cr_secret)" + std::to_string(done) + "\"}";
            response.headers.emplace_back("location", "/x");
            return response;
        });
    }
};

}  // namespace

TEST_CASE("a rate lets its number through at once, then as many a minute, for each caller") {
    ApiRate rate;
    std::int64_t now = 1'000'000;
    rate.set(60);
    for (int i = 0; i < 60; ++i) CHECK(!rate.take("a", now).has_value());
    const auto wait = rate.take("a", now);
    REQUIRE(wait.has_value());
    CHECK(*wait == 1'000'000);
    CHECK(!rate.take("b", now).has_value());
    now += *wait;
    CHECK(!rate.take("a", now).has_value());
    CHECK(rate.take("a", now).has_value());
    now += 3600'000'000ll;
    for (int i = 0; i < 60; ++i) CHECK(!rate.take("a", now).has_value());
    CHECK(rate.take("a", now).has_value());
    rate.set(0);
    CHECK(!rate.take("a", now).has_value());
}

TEST_CASE("an ETag is of what was changed, not of what changes by itself") {
    const auto shown = [](const char* body) {
        ApiResponse response;
        response.body = body;
        return response;
    };
    const auto tag = etag_of(shown(R"({"a":1,"seen":5})"), {"seen"});
    CHECK(tag == etag_of(shown(R"({"a":1,"seen":6})"), {"seen"}));
    CHECK(tag != etag_of(shown(R"({"a":2,"seen":5})"), {"seen"}));
    CHECK(tag != etag_of(shown(R"({"a":1,"seen":5})"), {}));
    auto versioned = shown(R"({"a":1})");
    versioned.version = 17;
    CHECK(etag_of(versioned, {}) == "\"17\"");
    versioned.version = 0;
    CHECK(etag_of(versioned, {}) == etag_of(shown(R"({"a":1})"), {}));
    for (const auto comparison : {Comparison::strong, Comparison::weak}) {
        CHECK(etag_matches(tag, tag, comparison));
        CHECK(etag_matches("\"x\" ,\t" + tag, tag, comparison));
        CHECK(etag_matches("*", tag, comparison));
        CHECK(!etag_matches("", tag, comparison));
        CHECK(!etag_matches("\"x\"", tag, comparison));
        CHECK(!etag_matches(tag.substr(1, 32), tag, comparison));
        CHECK(etag_matches("W/" + tag, tag, comparison) == (comparison == Comparison::weak));
    }
}

TEST_CASE("a request with a key is done once and answered again, also by another process") {
    Desk desk;
    const auto first = desk.post("k", "{}");
    auto again = desk.post("k", "{}");
    CHECK(desk.done == 1);
    CHECK(again.status == 201);
    CHECK(again.body == first.body);
    REQUIRE(again.headers.size() == 2);
    CHECK(again.headers[1].first == "idempotency-replayed");
    desk.idempotency = desk.open();
    CHECK(desk.post("k", "{}").body == first.body);
    CHECK(desk.post("k", R"({"a":1})").status == 422);
    CHECK(desk.done == 1);
    CHECK(desk.post("k", "{}", 201, "somebody else").body != first.body);
    CHECK(desk.done == 2);
    const auto stored = read_file(desk.scratch.dir() / "lurus.db-wal");
    REQUIRE(stored.has_value());
    CHECK(stored->find("cr_secret") == std::string::npos);
}

TEST_CASE("a key counts while the clock is set forward and back") {
    Desk desk;
    const auto first = desk.post("k", "{}");
    desk.clock.ahead = 48ll * 3600 * 1'000'000;
    CHECK(desk.post("k", "{}").body == first.body);
    CHECK(desk.post("other", "{}").status == 201);
    desk.clock.ahead = 0;
    CHECK(desk.post("k", "{}").body == first.body);
    CHECK(desk.done == 2);
}

TEST_CASE("a key counts for a day; failures of the server's own are not held against it") {
    Desk desk;
    CHECK(desk.post("k", "{}", 503).status == 503);
    CHECK(desk.post("k", "{}", 429).status == 429);
    CHECK(desk.post("k", "{}", 409).status == 409);
    CHECK(desk.done == 3);
    CHECK(desk.post("k", "{}", 201).status == 409);
    CHECK(desk.done == 3);
    desk.clock.time += 24ll * 3600 * 1'000'000 + 1;
    CHECK(desk.post("k", "{}", 201).status == 201);
    CHECK(desk.done == 4);
}

TEST_CASE("what was begun and never answered is not done again: the caller is told") {
    Desk desk;
    desk.post("k", "{}");
    {
        auto db = open_sqlite(desk.scratch.dir() / "lurus.db", "api");
        REQUIRE(db.has_value());
        (*db)->exec("UPDATE api_answer SET answer = NULL");
    }
    CHECK(desk.post("k", "{}").status == 409);
    CHECK(desk.done == 1);
}

TEST_CASE("who comes while it runs waits for the one answer") {
    Desk desk;
    std::vector<std::thread> callers;
    std::mutex mutex;
    std::set<std::string> bodies;
    for (int i = 0; i < 8; ++i) {
        callers.emplace_back([&] {
            const auto response = desk.post("k", "{}");
            const std::scoped_lock lock(mutex);
            bodies.insert(response.body);
        });
    }
    for (auto& caller : callers) caller.join();
    CHECK(desk.done == 1);
    CHECK(bodies.size() == 1);
}

namespace {

/// One resource whose row carries a version.
struct Versioned : Desk {
    std::int64_t version = 7;
    std::optional<std::int64_t> wanted;  // as the handler of the last change was told
    std::vector<ApiRoute> routes;
    std::unique_ptr<Databases> databases;
    std::unique_ptr<ApiGuards> guards;

    Versioned() {
        REQUIRE(open_sqlite(scratch.dir() / "log.db", "api").has_value());
        MainDatabase main;
        main.file = scratch.dir() / "lurus.db";
        auto opened = Databases::open(scratch.dir(), main, false, clock);
        REQUIRE(opened.has_value());
        databases = *std::move(opened);
        const auto shown = [this](const ApiRequest&) {
            ApiResponse response;
            response.body = R"({"id":"x"})";
            response.version = version;
            return response;
        };
        for (const char* method : {"GET", "PATCH"}) {
            ApiRoute route(Permission::change_keys);
            route.method = method;
            route.path = "/api/v1/things/{id}";
            route.handler = shown;
            routes.push_back(std::move(route));
        }
        routes[1].handler = [this, shown](const ApiRequest& request) {
            wanted = request.if_version;
            ++version;
            return shown(request);
        };
        guards = std::make_unique<ApiGuards>(*databases, *idempotency);
        guards->set_routes(routes);
    }
    ApiResponse ask(const ApiRoute& route, const char* header, const char* value) const {
        ApiRequest request;
        request.method = route.method;
        request.headers[header] = value;
        return guards->run(route, request, [](const ApiRoute& r, const ApiRequest& q) { return r.handler(q); });
    }
    static std::string etag(const ApiResponse& response) {
        return response.headers.empty() ? std::string() : response.headers.front().second;
    }
};

}  // namespace

TEST_CASE_FIXTURE(Versioned, "If-Match is the row's version where there is one, and is told to who writes the row") {
    CHECK(etag(ask(routes[0], "accept", "*/*")) == "\"7\"");
    CHECK(ask(routes[0], "if-none-match", "\"7\"").status == 304);
    CHECK(ask(routes[1], "if-match", "\"6\"").status == 412);
    CHECK(version == 7);
    const auto changed = ask(routes[1], "if-match", "\"7\"");
    CHECK(changed.status == 200);
    CHECK(etag(changed) == "\"8\"");
    CHECK(wanted == 7);
    CHECK(ask(routes[1], "if-match", "*").status == 200);
    CHECK_FALSE(wanted.has_value());
    CHECK(ask(routes[1], "accept", "*/*").status == 200);
    CHECK_FALSE(wanted.has_value());
    CHECK(version == 10);
}

TEST_CASE_FIXTURE(Versioned, "If-Match of what has no row yet is told as version 0 to who writes the first") {
    version = 0;
    const std::string shown = etag(ask(routes[0], "accept", "*/*"));
    CHECK(shown.size() == 34);
    CHECK(ask(routes[1], "if-match", "\"0\"").status == 412);
    CHECK_FALSE(wanted.has_value());
    CHECK(etag(ask(routes[1], "if-match", shown.c_str())) == "\"1\"");
    CHECK(wanted == 0);
    CHECK(ask(routes[1], "if-match", shown.c_str()).status == 412);
}
