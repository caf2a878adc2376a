#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "config/config.hpp"
#include "core/os/platform.hpp"
#include "tests/unit/scratch.hpp"

using namespace lurus;
using namespace lurus::config;

namespace {

constexpr const char* variable_name = "LURUS_TEST_POSTGRES_ADDRESS";

struct PostgresPlace {
    test::Scratch scratch;
    Environment environment;

    PostgresPlace() {
        environment.working_dir = environment.home = scratch.dir();
        environment.folders.system_config = scratch.dir() / "etc";
        platform::set_variable(variable_name, "postgresql://lurus:hushed@db.example.com:6432/team");
    }
    ~PostgresPlace() { platform::set_variable(variable_name, ""); }
    PostgresPlace(const PostgresPlace&) = delete;
    PostgresPlace& operator=(const PostgresPlace&) = delete;

    Result<Config> load(const std::string& section) {
        scratch.write("lurus.toml", "[postgres]\n" + section);
        return load_config({}, environment);
    }
    Config good(const std::string& section) {
        auto loaded = load(section);
        REQUIRE_MESSAGE(loaded.has_value(), (loaded ? "" : loaded.error().message));
        return *std::move(loaded);
    }
    std::string mistake(const std::string& section) {
        const auto loaded = load(section);
        REQUIRE_FALSE(loaded.has_value());
        CHECK_FALSE(loaded.error().message.contains("hushed"));
        return loaded.error().message;
    }
};

}  // namespace

TEST_CASE("[postgres]: without it a node shares nothing") {
    PostgresPlace place;
    CHECK_FALSE(place.good("").postgres.has_value());
    CHECK_FALSE(nlohmann::json::parse(to_json(place.good(""))).contains("postgres"));
}

TEST_CASE("[postgres]: an address, or the variable that has it") {
    PostgresPlace place;
    for (const std::string section : {R"(url = "postgresql://lurus:hushed@db.example.com:6432/team")",
                                      R"(url = "host=db.example.com port=6432 dbname=team user=lurus password=hushed")",
                                      R"(url_env = "LURUS_TEST_POSTGRES_ADDRESS")"}) {
        CAPTURE(section);
        const Config config = place.good(section);
        REQUIRE(config.postgres.has_value());
        CHECK(config.postgres->url.reveal().contains("hushed"));
        CHECK(config.postgres->mode == BackendSetting::automatic);
        CHECK(config.postgres->mirror_max_age_ms == 0);
        // As `lurus config show` and the management API have it.
        const std::string shown = to_json(config);
        CHECK_FALSE(shown.contains("hushed"));
        CHECK(nlohmann::json::parse(shown).at("postgres") ==
              nlohmann::json({{"at", "db.example.com:6432/team"}, {"mode", "auto"}}));
    }
    CHECK(place.good(R"(url_env = "LURUS_TEST_POSTGRES_ADDRESS")").secret_variables.contains(variable_name));
}

TEST_CASE("[postgres]: modes and the mirror's age") {
    PostgresPlace place;
    const std::string url = "url = \"postgresql://lurus:hushed@db.example.com/team\"\n";
    CHECK(place.good(url + "mode = \"on\"").postgres->mode == BackendSetting::on);
    CHECK(place.good(url + "mode = \"off\"").postgres->mode == BackendSetting::off);
    CHECK(place.good(url + "mode = \"auto\"").postgres->mode == BackendSetting::automatic);
    CHECK(place.mistake(url + "mode = \"always\"").contains("lurus.toml:3:"));
    const Config aged = place.good(url + "mirror_max_age = \"2h\"");
    CHECK(aged.postgres->mirror_max_age_ms == 7'200'000);
    CHECK(nlohmann::json::parse(to_json(aged)).at("postgres").at("mirror_max_age_ms") == 7'200'000);
    CHECK(place.mistake(url + "mirror_max_age = \"1s\"").contains("mirror_max_age"));
}

TEST_CASE("[postgres]: what is wrong with it, and no password in what is said") {
    PostgresPlace place;
    CHECK(place.mistake("url = \"postgresql://lurus:hushed@a/b\"\nurl_env = \"LURUS_TEST_POSTGRES_ADDRESS\"")
              .contains("keep one"));
    CHECK(place.mistake("mode = \"on\"").contains("postgresql://USER:PASSWORD@HOST"));
    CHECK(place.mistake("mirror_max_age = \"1h\"").contains("postgresql://USER:PASSWORD@HOST"));
    CHECK(place.mistake("url_env = \"LURUS_TEST_NOT_SET\"").contains("LURUS_TEST_NOT_SET"));
    CHECK(place.mistake("url = \"postgresql://lurus:hus%hushed@a/b\"").contains("postgresql://USER:PASSWORD@HOST"));
    CHECK(place.mistake("url = \"postgresql://lurus:a@hushed@b/c\"").contains("%XX"));
    CHECK(place.mistake("url = \"mysql://lurus:hushed@a/b\"").contains("postgresql://USER:PASSWORD@HOST"));
    CHECK(place.mistake("adress = \"postgresql://lurus:hushed@a/b\"").contains("adress"));
    platform::set_variable(variable_name, "hushed");
    CHECK(place.mistake("url_env = \"LURUS_TEST_POSTGRES_ADDRESS\"").contains("url_env"));
}
