#include "core/os/service_unit.hpp"

#include <doctest/doctest.h>

namespace lurus {
namespace {

TEST_CASE("a unit's command has the words that were put into it") {
    for (const std::string word : {"/usr/bin/lurus", "/srv/a b/100% $HOME", "\"quoted\" \\ back", "it's; so"}) {
        CAPTURE(word);
        const auto words = platform::unit_words("first " + platform::unit_word(word) + "  last");
        REQUIRE(words.size() == 3);
        CHECK(words[1] == word);
    }
    CHECK(platform::unit_word("/usr/bin/lurus") == "/usr/bin/lurus");
    CHECK(platform::unit_word("a b%") == "\"a b%%\"");
}

TEST_CASE("the last assignment of a unit's value counts") {
    const std::string unit = "[Service]\nExecStart=/old\nUser=a\nExecStart=\nExecStart=/new x\nExecStartPre=/pre\n";
    CHECK(platform::unit_value(unit, "ExecStart") == "/new x");
    CHECK(platform::unit_value(unit, "User") == "a");
    CHECK(platform::unit_value(unit, "Group").empty());
}

TEST_CASE("the unit is the packaged one, with this service's places in all lines that name some") {
    platform::ServiceWanted wanted;
    wanted.name = "team";
    wanted.executable = "/opt/lurus/lurus";
    wanted.config_file = "/opt/team/gateway.toml";
    wanted.data_dir = "/srv/team";
    wanted.account = "gateway";
    wanted.stop_ms = 75'001;
    const std::string unit = platform::unit_text(wanted, "staff");
    CHECK(unit.starts_with(platform::unit_mark));
    CHECK(platform::unit_value(unit, "ExecStart") ==
          "/opt/lurus/lurus serve --config /opt/team/gateway.toml --data-dir /srv/team");
    CHECK(platform::unit_value(unit, "User") == "gateway");
    CHECK(platform::unit_value(unit, "Group") == "staff");
    CHECK(platform::unit_value(unit, "ReadWritePaths") == "/srv/team");
    CHECK(platform::unit_value(unit, "TimeoutStopSec") == "76s");
    CHECK(platform::unit_value(unit, "Type") == "notify");
    CHECK(unit.find("/var/lib") == std::string::npos);
    CHECK(unit.find("/etc/lurus") == std::string::npos);
    CHECK(unit.find("/usr/bin") == std::string::npos);
    CHECK(unit.find("=lurus\n") == std::string::npos);
}

}  // namespace
}  // namespace lurus
