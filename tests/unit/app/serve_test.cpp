// What serve is made of, without serving: the note of the running server, the banner, the watch over the configuration.
#include <doctest/doctest.h>

#include "app/serve_banner.hpp"
#include "control/state/reload.hpp"
#include "core/os/platform.hpp"
#include "core/os/server_file.hpp"
#include "scratch.hpp"

using namespace lurus;
using namespace lurus::app;
using namespace lurus::config;
using namespace lurus::control;
namespace fs = std::filesystem;

TEST_CASE("the server's note is read as it was written") {
    const test::Scratch scratch;
    CHECK(read_server_file(scratch.dir()).error().code == ErrorCode::not_found);
    ServerFile server;
    server.pid = 4711;
    server.addresses = {"http://127.0.0.1:1", "unix:/tmp/x"};
    server.started = 1'700'000'000'123'456;
    server.version = "1.2.3";
    REQUIRE(write_server_file(scratch.dir(), server).has_value());
    const auto read = read_server_file(scratch.dir());
    REQUIRE(read.has_value());
    CHECK(read->pid == 4711);
    CHECK(read->addresses == server.addresses);
    CHECK(read->started == server.started);
    CHECK(read->version == "1.2.3");

    SUBCASE("only its own process removes it") {
        remove_server_file(scratch.dir());
        CHECK(fs::exists(scratch.dir() / "server.json"));
        server.pid = platform::process_id();
        REQUIRE(write_server_file(scratch.dir(), server).has_value());
        remove_server_file(scratch.dir());
        CHECK_FALSE(fs::exists(scratch.dir() / "server.json"));
    }
    SUBCASE("nonsense is told apart") {
        for (const char* text : {"", "{", "[]", "{\"pid\":\"x\"}", "null"}) {
            scratch.write("server.json", text);
            CHECK(read_server_file(scratch.dir()).error().code == ErrorCode::corrupt);
        }
    }
}

TEST_CASE("addresses as URLs") {
    CHECK(url_of("127.0.0.1:1", false) == "http://127.0.0.1:1");
    CHECK(url_of("[::1]:1", true) == "https://[::1]:1");
    CHECK(url_of("unix:/a", false) == "unix:/a");
    CHECK(reachable_url("http://0.0.0.0:1") == "http://127.0.0.1:1");
    CHECK(reachable_url("https://[::]:1") == "https://[::1]:1");
    CHECK(reachable_url("http://10.0.0.0:1") == "http://10.0.0.0:1");
}

TEST_CASE("the banner") {
    BannerFacts facts;
    facts.version = "0.1.0";
    facts.urls = {"https://0.0.0.0:2", "http://127.0.0.1:18100"};
    facts.new_key = "cr_new";
    facts.model = "demo-model";
    facts.data_dir = "/data";
    facts.options = " --data-dir '/my data'";
    const auto has = [](const std::string& text, std::string_view part) {
        return text.find(part) != std::string::npos;
    };

    std::string text = banner(facts, Colour::none);
    CHECK(has(text, "ready on https://0.0.0.0:2, http://127.0.0.1:18100"));
    CHECK(has(
        text,
        "    curl -N http://127.0.0.1:18100/v1/messages -H 'x-api-key: cr_new' -H 'anthropic-version: 2023-06-01'"));
    CHECK(has(text, "lurus connect claude --data-dir '/my data'"));
    CHECK(has(text,
              "lurus provider add anthropic --kind anthropic --api-key-env ANTHROPIC_API_KEY --data-dir '/my data'"));
    CHECK_FALSE(has(text, "\x1b["));
    CHECK(has(banner(facts, Colour::terminal), "\x1b["));

    CHECK_FALSE(has(text, "own it"));
    facts.owner_link = "http://127.0.0.1:18100/console/setup#token=t";
    CHECK(has(banner(facts, Colour::none), "own it: http://127.0.0.1:18100/console/setup#token=t "));

    facts.new_key.clear();
    text = banner(facts, Colour::none);
    CHECK(has(text, "lurus key create --name NAME"));
    CHECK(has(text, "-H \"x-api-key: $LURUS_KEY\""));

    facts.needs_key = false;
    text = banner(facts, Colour::none);
    CHECK_FALSE(has(text, "x-api-key"));

    facts.family = Family::gemini;
    CHECK(has(banner(facts, Colour::none),
              "'http://127.0.0.1:18100/v1beta/models/demo-model:streamGenerateContent?alt=sse'"));
    facts.family = Family::openai;
    facts.urls = {"unix:/tmp/l.sock"};
    CHECK(has(banner(facts, Colour::none), "curl -N --unix-socket /tmp/l.sock http://localhost/v1/chat/completions"));
    facts.model.clear();
    CHECK_FALSE(has(banner(facts, Colour::none), "curl"));
}

TEST_CASE("shell words") {
    CHECK(shell_word("/a/b-c_d.e") == "/a/b-c_d.e");
    CHECK(shell_word("a b") == "'a b'");
    CHECK(shell_word("it's") == "'it'\\''s'");
    CHECK(shell_word("$x") == "'$x'");
    CHECK(shell_word("").size() == 2);
}

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

TEST_CASE("a lock belongs to one holder") {
    const test::Scratch scratch;
    const auto file = scratch.dir() / "lurus.lock";
    CHECK_FALSE(platform::FileLock::held(file));
    auto first = platform::FileLock::exclusive(file);
    REQUIRE(first.has_value());
    CHECK(platform::FileLock::held(file));
    const auto second = platform::FileLock::exclusive(file);
    REQUIRE(!second.has_value());
    CHECK(second.error().code == ErrorCode::conflict);
    first->reset();
    CHECK_FALSE(platform::FileLock::held(file));
    CHECK(platform::FileLock::exclusive(file).has_value());
}

TEST_CASE("private files replace what was there and leave nothing beside") {
    const test::Scratch scratch;
    REQUIRE(make_private_dir(scratch.dir() / "a/b").has_value());
    CHECK((fs::status(scratch.dir() / "a").permissions() & fs::perms::all) == fs::perms::owner_all);
    const auto file = scratch.dir() / "a/b/secret";
    REQUIRE(write_private_file(file, "one").has_value());
    REQUIRE(write_private_file(file, "two").has_value());
    CHECK(read_file(file) == "two");
    CHECK((fs::status(file).permissions() & fs::perms::all) == (fs::perms::owner_read | fs::perms::owner_write));
    CHECK_FALSE(platform::readable_by_others(file));
    CHECK(std::distance(fs::directory_iterator(file.parent_path()), fs::directory_iterator()) == 1);
    CHECK(read_file(file, 2).error().code == ErrorCode::invalid_argument);
    CHECK(read_file(scratch.dir() / "none").error().code == ErrorCode::not_found);
    CHECK(read_file(scratch.dir()).error().code == ErrorCode::invalid_argument);
    CHECK_FALSE(write_private_file(scratch.dir() / "none/file", "x").has_value());
    scratch.write("plain", "");
    CHECK_FALSE(make_private_dir(scratch.dir() / "plain").has_value());
}
