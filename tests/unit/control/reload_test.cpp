#include "control/state/reload.hpp"

#include <doctest/doctest.h>

#include "tests/unit/scratch.hpp"

using namespace lurus;
using namespace lurus::config;
using namespace lurus::control;
namespace fs = std::filesystem;

TEST_CASE("the watch sees each change of content once") {
    const test::Scratch scratch;
    Environment environment;
    environment.working_dir = scratch.dir();
    environment.system_config = scratch.dir() / "none";
    ConfigWatch watch({}, environment);
    CHECK_FALSE(watch.changed());
    scratch.write("lurus.toml", "[server]\n");
    CHECK(watch.changed());
    CHECK_FALSE(watch.changed());
    const auto time = fs::last_write_time(scratch.dir() / "lurus.toml");
    scratch.write("lurus.toml", "[logger]\n");
    fs::last_write_time(scratch.dir() / "lurus.toml", time);
    CHECK(watch.changed());
    fs::remove(scratch.dir() / "lurus.toml");
    CHECK_FALSE(watch.changed());
    scratch.write("lurus.toml", "[logger]\n");
    CHECK_FALSE(watch.changed());
}
