// The note of the running server, and the files, locks and words that it is made of.
#include "core/os/server_file.hpp"

#include <doctest/doctest.h>

#include "core/os/files.hpp"
#include "core/os/platform.hpp"
#include "core/text/shell_word.hpp"
#include "tests/unit/scratch.hpp"

using namespace lurus;
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

TEST_CASE("shell words") {
    constexpr auto posix = platform::HomeStyle::posix, windows = platform::HomeStyle::windows;
    CHECK(shell_word("/a/b-c_d.e", posix) == "/a/b-c_d.e");
    CHECK(shell_word("a b", posix) == "'a b'");
    CHECK(shell_word("it's", posix) == "'it'\\''s'");
    CHECK(shell_word("$x", posix) == "'$x'");
    CHECK(shell_word("", posix).size() == 2);
    CHECK(shell_word("C:\\a\\b.exe", windows) == "C:\\a\\b.exe");
    CHECK(shell_word("it's", windows) == "'it''s'");
    CHECK(shell_word("@a", windows) == "'@a'");
    CHECK(program_word(".\\lurus.exe", windows) == ".\\lurus.exe");
    CHECK(program_word("C:\\Program Files\\lurus.exe", windows) == "& 'C:\\Program Files\\lurus.exe'");
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
    const bool posix = platform::home_style() == platform::HomeStyle::posix;
    CHECK_FALSE(platform::readable_by_others(scratch.dir() / "a"));
    if (posix) CHECK((fs::status(scratch.dir() / "a").permissions() & fs::perms::all) == fs::perms::owner_all);
    const auto file = scratch.dir() / "a/b/secret";
    REQUIRE(write_private_file(file, "one").has_value());
    REQUIRE(write_private_file(file, "two").has_value());
    CHECK(read_file(file) == "two");
    if (posix)
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
