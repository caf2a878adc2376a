#include "control/state/reload.hpp"

#include <doctest/doctest.h>

#include "tests/unit/scratch.hpp"

using namespace lurus;
using namespace lurus::config;
using namespace lurus::control;
namespace fs = std::filesystem;
using Look = WatchedFile::Look;

namespace {

struct Watched {
    Watched() {
        environment.working_dir = scratch.dir();
        environment.folders.system_config = scratch.dir() / "none";
    }
    // The first look sees that something is different, the second that it stays so.
    Look settled(ConfigWatch& watch) const {
        CHECK(watch.look() == Look::same);
        return watch.look();
    }
    Config config_of(const std::string& text) const {
        scratch.write("lurus.toml", text);
        return load_config({}, environment).value();
    }
    test::Scratch scratch;
    Environment environment;
};

}  // namespace

TEST_CASE("the watch sees each change of content once, and when it has settled") {
    const Watched w;
    ConfigWatch watch({}, w.environment);
    CHECK(w.settled(watch) == Look::same);
    w.scratch.write("lurus.toml", "[server]\n");
    CHECK(w.settled(watch) == Look::changed);
    CHECK(w.settled(watch) == Look::same);
    const auto file = w.scratch.dir() / "lurus.toml";
    const auto time = fs::last_write_time(file);
    w.scratch.write("lurus.toml", "[headers]\n");
    fs::last_write_time(file, time);
    CHECK(w.settled(watch) == Look::changed);
    CHECK(watch.load().has_value());
    // The same content again, by a rename.
    w.scratch.write("next", "[headers]\n");
    fs::rename(w.scratch.dir() / "next", file);
    CHECK(w.settled(watch) == Look::same);
    CHECK(w.settled(watch) == Look::same);
}

TEST_CASE("a file that is written in pieces is read when it is whole, and as it was seen") {
    const Watched w;
    w.scratch.write("lurus.toml", "[log]\n");
    ConfigWatch watch({}, w.environment);
    std::string text = "[log]\n";
    for (int i = 0; i < 5; ++i) {
        text += "# another line\n";
        w.scratch.write("lurus.toml", text);
        CHECK(watch.look() == Look::same);
    }
    w.scratch.write("lurus.toml", text + "level = \"warn\"\n");
    CHECK(w.settled(watch) == Look::changed);
    w.scratch.write("lurus.toml", "");
    CHECK(watch.load().value().log_level == "warn");
}

TEST_CASE("a file that is gone is told once, and told when it is back") {
    const Watched w;
    w.scratch.write("lurus.toml", "[log]\n");
    ConfigWatch watch({}, w.environment);
    fs::remove(w.scratch.dir() / "lurus.toml");
    CHECK(watch.look() == Look::same);  // an editor at work
    CHECK(watch.look() == Look::away);
    CHECK(w.settled(watch) == Look::same);
    w.scratch.write("lurus.toml", "[log]\n");
    CHECK(w.settled(watch) == Look::changed);
    CHECK(w.settled(watch) == Look::same);

    fs::remove(w.scratch.dir() / "lurus.toml");
    CHECK(watch.look() == Look::same);
    w.scratch.write("lurus.toml", "[log]\n");
    CHECK(w.settled(watch) == Look::same);
}

TEST_CASE("a file that is gone is not replaced by the next one in the search") {
    const Watched w;
    w.scratch.write("lurus.toml", "[log]\n");
    Environment environment = w.environment;
    environment.folders.system_config = w.scratch.dir() / "etc";
    fs::create_directory(environment.folders.system_config);
    w.scratch.write("etc/lurus.toml", "[log]\nlevel = \"warn\"\n");
    ConfigWatch watch({}, environment);
    fs::remove(w.scratch.dir() / "lurus.toml");
    CHECK(w.settled(watch) == Look::away);
    CHECK(w.settled(watch) == Look::same);
}

TEST_CASE("symbolic links that are led elsewhere, as Kubernetes does it") {
    const Watched w;
    const auto& dir = w.scratch.dir();
    fs::create_directories(dir / "v1");
    fs::create_directories(dir / "v2");
    w.scratch.write("v1/lurus.toml", "[log]\nlevel = \"warn\"\n");
    w.scratch.write("v2/lurus.toml", "[log]\nlevel = \"info\"\n");
    fs::create_symlink("v1", dir / "..data");
    fs::create_symlink("..data/lurus.toml", dir / "lurus.toml");
    ConfigWatch watch({}, w.environment);
    CHECK(w.settled(watch) == Look::same);
    fs::create_symlink("v2", dir / "..data_tmp");
    fs::rename(dir / "..data_tmp", dir / "..data");
    CHECK(w.settled(watch) == Look::changed);
    CHECK(watch.load().value().log_level == "info");
}

TEST_CASE("what a file lost of everything that it declared") {
    const Watched w;
    const std::string server = "[log]\nlevel = \"warn\"\n";
    const std::string provider = "[[provider]]\nname = \"p\"\nkind = \"demo\"\n";
    const std::string key = "[[key]]\nname = \"k\"\nvalue = \"cr_0123456789abcdef\"\n";
    const std::string second = "[[key]]\nname = \"l\"\nvalue = \"cr_0123456789abcdeg\"\n";
    const Config whole = w.config_of(server + provider + key + second);
    CHECK(what_is_lost(whole, whole).empty());
    for (const std::string& text : {std::string(), std::string("\n\n"), "# " + std::string("a comment only\n")})
        CHECK(what_is_lost(whole, w.config_of(text)).find("says nothing") == 0);
    CHECK(what_is_lost(whole, w.config_of(server + provider)).find("has no [[key]] any more, of 2") == 0);
    CHECK(what_is_lost(whole, w.config_of(server + key)).find("has no [[provider]] any more, of 1") == 0);
    CHECK(what_is_lost(whole, w.config_of(server + provider + key)).empty());
    CHECK(what_is_lost(whole, w.config_of(provider + key)).empty());
    CHECK(what_is_lost(whole, w.config_of(server + provider + key.substr(0, key.size() - 1)))
              .find("is shorter than before and ends within a line") == 0);
    CHECK(what_is_lost(w.config_of(server), w.config_of("")).find("says nothing") == 0);
    CHECK(what_is_lost(w.config_of(""), w.config_of("")).empty());
    CHECK(what_is_lost(w.config_of(""), whole).empty());
}
