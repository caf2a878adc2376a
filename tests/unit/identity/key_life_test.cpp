// Rotation, expiry from first use, last use, pages.
#include <set>

#include "fixture.hpp"

using namespace lurus;
using namespace lurus::test;
using nlohmann::json;
using Names = std::vector<std::string>;

namespace {
constexpr std::int64_t hour = 3600'000'000;

const KeyInfo& info(const std::shared_ptr<const KeySnapshot>& snapshot, const json& key) {
    const auto* found = snapshot->find(key.at("key").get<std::string>());
    REQUIRE(found != nullptr);
    return *found;
}
}  // namespace

TEST_CASE_FIXTURE(People, "a rotated key's old value is taken until the overlap ends") {
    const auto ann = person("ann@example.com", Role::member);
    const auto first = make_key(ann, R"({"name":"k","expires":"30d"})");
    const auto rotated = call_as(ann, "POST", "/api/v1/keys/{id}/rotate", R"({"overlap":"2h"})", "k");
    REQUIRE_MESSAGE(rotated.status == 200, rotated.body);
    const auto second = json::parse(rotated.body);
    CHECK(second.at("id") == first.at("id"));
    CHECK(second.at("key") != first.at("key"));
    CHECK(second.at("hint") != first.at("hint"));
    CHECK(second.at("old_value_until") == format_time(clock.now() + 2 * hour));
    CHECK(names(ann) == Names{"k"});
    for (int restart = 0; restart < 2; ++restart) {
        CHECK(usable(first));
        CHECK(usable(second));
        CHECK(info(identity->snapshot(), first).id == second.at("id").get<std::string>());
        identity.reset();
        identity = open();
    }
    clock.time += 2 * hour;
    CHECK_FALSE(usable(first));
    CHECK(usable(second));

    // Without an overlap at once, and a disabled key is disabled under both values.
    const auto third =
        json::parse(call("POST", "/api/v1/keys/{id}/rotate", R"({"overlap":"0s"})", first.at("id")).body);
    CHECK_FALSE(usable(second));
    CHECK(usable(third));
    const auto fourth = json::parse(call("POST", "/api/v1/keys/{id}/rotate", "", first.at("id")).body);
    CHECK(usable(third));
    REQUIRE(identity->set_disabled(first.at("id").get<std::string>(), true).has_value());
    CHECK_FALSE(usable(third));
    CHECK_FALSE(usable(fourth));
    CHECK(call("POST", "/api/v1/keys/{id}/rotate", R"({"overlap":"91d"})", "k").status == 400);
    CHECK(call("POST", "/api/v1/keys/{id}/rotate", R"({"overlap":5})", "k").status == 400);
}

TEST_CASE_FIXTURE(People, "a rotation keeps what earlier ones promised, up to a number of values") {
    const auto ann = person("ann@example.com", Role::member);
    const auto rotate = [&](const std::string& body) {
        return call_as(ann, "POST", "/api/v1/keys/{id}/rotate", body, "k");
    };
    std::vector<json> values = {make_key(ann, R"({"name":"k"})")};
    const auto begun = clock.now();
    for (const char* overlap : {"10h", "2h", "0s", "5h"}) {
        const auto rotated = rotate(R"({"overlap":")" + std::string(overlap) + R"("})");
        REQUIRE_MESSAGE(rotated.status == 200, rotated.body);
        values.push_back(json::parse(rotated.body));
    }
    for (int restart = 0; restart < 2; ++restart) {
        CHECK(usable(values[0]));
        CHECK(usable(values[1]));
        CHECK_FALSE(usable(values[2]));  // without an overlap: at once
        CHECK(usable(values[3]));
        CHECK(usable(values[4]));
        identity.reset();
        identity = open();
    }
    const auto shown = json::parse(call_as(ann, "GET", "/api/v1/keys/{id}", "", "k").body);
    CHECK(shown.at("old_values") ==
          json::array({{{"hint", values[0].at("hint")}, {"until", format_time(begun + 10 * hour)}},
                       {{"hint", values[1].at("hint")}, {"until", format_time(begun + 2 * hour)}},
                       {{"hint", values[3].at("hint")}, {"until", format_time(begun + 5 * hour)}}}));
    CHECK(shown.at("old_value_until") == format_time(begun + 10 * hour));

    // Each until its own end.
    clock.time = begun + 5 * hour;
    CHECK(usable(values[0]));
    CHECK_FALSE(usable(values[1]));
    CHECK_FALSE(usable(values[3]));
    CHECK(json::parse(call_as(ann, "GET", "/api/v1/keys/{id}", "", "k").body).at("old_values").size() == 1);

    // What is over frees its place; beyond the number nothing changes.
    for (int i = 0; i < 7; ++i) values.push_back(json::parse(rotate(R"({"overlap":"1h"})").body));
    const auto refused = rotate("{}");
    CHECK(refused.status == 409);
    CHECK(refused.body.find("8 earlier values") != std::string::npos);
    CHECK(refused.body.find(format_time(begun + 6 * hour)) != std::string::npos);
    CHECK(usable(values[0]));
    CHECK(usable(values.back()));
    const auto without = rotate(R"({"overlap":"0s"})");
    CHECK(without.status == 200);
    CHECK(usable(values[0]));
    CHECK_FALSE(usable(values.back()));

    // A value that got out: all of them end.
    const auto last = json::parse(rotate(R"({"only_new":true})").body);
    CHECK(last.at("old_values").empty());
    CHECK(last.at("old_value_until") == nullptr);
    for (const auto& value : values) CHECK_FALSE(usable(value));
    CHECK(usable(last));
    CHECK(rotate(R"({"only_new":true,"overlap":"1h"})").status == 400);
    CHECK(rotate(R"({"only_new":1})").status == 400);
}

TEST_CASE_FIXTURE(People, "an expiry can count from the first use") {
    const auto key = make_key(person("ann@example.com", Role::member), R"({"name":"k","expires_after":"48h"})");
    CHECK(key.at("expires_after") == "2d");
    clock.time += 1000 * hour;
    REQUIRE(identity->upkeep().has_value());
    CHECK(usable(key));
    const auto used = clock.now();
    info(identity->snapshot(), key).use->note(used);
    clock.time += 47 * hour;
    info(identity->snapshot(), key).use->note(clock.now());
    CHECK(usable(key));
    clock.time = used + 48 * hour;
    CHECK_FALSE(usable(key));  // also before it was stored
    REQUIRE(identity->upkeep().has_value());
    CHECK_FALSE(usable(key));
    identity.reset();
    identity = open();
    CHECK_FALSE(usable(key));
    const auto shown = json::parse(call("GET", "/api/v1/keys/{id}", "", "k").body);
    CHECK(shown.at("expires") == format_time(used + 48 * hour));
    CHECK(shown.at("expires_after").is_null());
    CHECK(shown.at("status") == "expired");
    CHECK(call("PATCH", "/api/v1/keys/{id}", R"({"expires_after":"1h"})", "k").status == 200);
    CHECK(usable(key));
    CHECK(call("PATCH", "/api/v1/keys/{id}", R"({"expires":"1h","expires_after":"1h"})", "k").status == 400);
    CHECK(call("PATCH", "/api/v1/keys/{id}", R"({"expires_after":"soon"})", "k").status == 400);
}

TEST_CASE_FIXTURE(People, "a first use while the clock was ahead is one of now when it is set back") {
    const auto key = make_key(person("ann@example.com", Role::member), R"({"name":"k","expires_after":"2h"})");
    const auto use = [&] { info(identity->snapshot(), key).use->note(clock.now()); };
    clock.ahead = 24 * hour;
    use();
    clock.ahead = 0;
    use();
    CHECK(info(identity->snapshot(), key).use->last() == clock.now());
    clock.time += 2 * hour;
    CHECK_FALSE(usable(key));
}

TEST_CASE_FIXTURE(People, "when a key was used last is stored by the upkeep") {
    const auto key = make_key(person("ann@example.com", Role::member), R"({"name":"k"})");
    CHECK(key.at("last_used").is_null());
    info(identity->snapshot(), key).use->note(clock.now());
    const auto shown = [&] { return json::parse(call("GET", "/api/v1/keys/{id}", "", "k").body).at("last_used"); };
    CHECK(shown() == format_time(clock.now()));
    int published = 0;
    identity->on_change([&] { ++published; });
    REQUIRE(identity->upkeep().has_value());
    CHECK(published == 0);  // nobody is bothered with it
    identity.reset();
    identity = open();
    CHECK(shown() == format_time(clock.now()));
}

TEST_CASE_FIXTURE(People, "keys come in pages, each once, whatever is made or revoked meanwhile") {
    const auto admin = person("admin@example.com", Role::admin);
    std::set<std::string> wanted;
    REQUIRE(
        in_force(identity->prepare({configured("fixed a", "fixed-value-a"), configured("fixed b", "fixed-value-b")}))
            .has_value());
    for (int i = 0; i < 25; ++i) {
        clock.time += i % 3;  // several at one moment
        create("key " + std::to_string(i));
    }
    std::multiset<std::string> seen;
    std::string cursor;
    int pages = 0;
    do {
        const auto page = json::parse(call_as(admin, "GET", "/api/v1/keys?limit=4&cursor=" + cursor).body);
        for (const auto& key : page.at("data")) seen.insert(key.at("name"));
        cursor = page.at("next").is_null() ? "" : page.at("next").get<std::string>();
        // The one that the cursor points at goes, as does one of a page that was seen.
        if (pages == 1) REQUIRE(identity->revoke_key(page.at("data").at(3).at("name").get<std::string>()).has_value());
        ++pages;
    } while (!cursor.empty());
    CHECK(pages == 7);
    CHECK(seen.size() == 27);
    CHECK(std::set(seen.begin(), seen.end()).size() == 27);
    CHECK(call_as(admin, "GET", "/api/v1/keys?cursor=x").status == 400);
    CHECK(call_as(admin, "GET", "/api/v1/keys?cursor=s.12x.y").status == 400);
    CHECK(call_as(admin, "GET", "/api/v1/keys?limit=0").status == 400);
}

TEST_CASE_FIXTURE(People, "keys are found by text and by tag") {
    const auto admin = person("admin@example.com", Role::admin);
    make_key(admin, R"({"name":"Laptop","note":"of Ann","tags":["dev"]})");
    make_key(admin, R"({"name":"ci","tags":["build","Prod"]})");
    CHECK(names(admin, "?q=LAP") == Names{"Laptop"});
    CHECK(names(admin, "?q=ann") == Names{"Laptop"});
    CHECK(names(admin, "?q=prod") == Names{"ci"});
    CHECK(names(admin, "?q=absent").empty());
    CHECK(names(admin, "?tag=build") == Names{"ci"});
    CHECK(names(admin, "?tag=prod").empty());
    CHECK(names(admin, "?q=p&tag=dev") == Names{"Laptop"});
}
