#include "cli/login_store.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "cli/api_tokens.hpp"
#include "tests/unit/scratch.hpp"

using namespace lurus;
using namespace lurus::cli;

namespace {

Login a_login(const std::string& server) {
    Login login;
    login.server = server;
    login.email = "ann@example.com";
    login.method = "password";
    login.access_token = Secret("at-" + server);
    login.refresh_token = Secret("rt-" + server);
    login.access_expires = 5;
    login.expires = 7;
    return login;
}

}  // namespace

TEST_CASE("a sign-in is kept for each server, for its owner only") {
    const test::Scratch scratch;
    const LoginStore store(scratch.dir() / "logins");
    CHECK_FALSE(store.current()->has_value());
    CHECK_FALSE(store.find("https://a.example")->has_value());
    CHECK_FALSE(store.find_folder("/srv/lurus")->has_value());
    REQUIRE(store.lock().has_value());
    Login a = a_login("https://a.example"), b = a_login("http://127.0.0.1:18100");
    b.data_dir = "/srv/lurus";
    REQUIRE(store.save(a).has_value());
    REQUIRE(store.make_current(a).has_value());
    REQUIRE(store.save(b).has_value());
    const auto read = store.find("https://a.example");
    REQUIRE(read->has_value());
    CHECK((*read)->refresh_token.reveal() == a.refresh_token.reveal());
    CHECK((*read)->access_token.reveal() == a.access_token.reveal());
    CHECK((*read)->email == a.email);
    CHECK((*read)->access_expires == 5);
    CHECK((*store.current())->server == a.server);
    CHECK((*store.find_folder("/srv/lurus"))->server == b.server);
    CHECK_FALSE(store.find_folder("/srv")->has_value());
    using std::filesystem::perms;
    CHECK((std::filesystem::status(store.file_of(a.server)).permissions() & perms(0777)) == perms(0600));
    CHECK((std::filesystem::status(scratch.dir() / "logins").permissions() & perms(0777)) == perms(0700));
    REQUIRE(store.remove(b).has_value());
    CHECK((*store.current())->server == a.server);
    REQUIRE(store.remove(a).has_value());
    CHECK_FALSE(store.current()->has_value());
    std::ofstream(store.file_of(a.server)) << "{\"server\":";
    CHECK(store.find(a.server).error().code == ErrorCode::corrupt);
}

TEST_CASE("the lock is one process's at a time, also within one") {
    const test::Scratch scratch;
    const LoginStore store(scratch.dir() / "logins");
    std::atomic<int> inside = 0, most = 0;
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
        threads.emplace_back([&] {
            const auto lock = store.lock();
            if (++inside > most) most = inside.load();
            --inside;
        });
    }
    threads.clear();
    CHECK(most == 1);
}

TEST_CASE("a server is called the same however it is typed") {
    CHECK(server_name("https://Gw.Example.com/") == "https://gw.example.com");
    CHECK(server_name("https://gw.example.com:443") == "https://gw.example.com");
    CHECK(server_name("http://127.0.0.1:18100") == "http://127.0.0.1:18100");
    CHECK(server_name("HTTP://[::1]:80") == "http://[::1]");
    CHECK(server_name("unix:/run/lurus.sock") == "unix:/run/lurus.sock");
    for (const char* bad : {"", "gw.example.com", "ftp://gw.example.com", "https://", "https://gw.example.com/v1",
                            "https://ann:pw@gw.example.com", "unix:relative", "https://gw.example.com?x=1"}) {
        CAPTURE(bad);
        CHECK(server_name(bad).error().code == ErrorCode::invalid_argument);
    }
}

TEST_CASE("an answer without tokens is no sign-in") {
    const auto made =
        with_tokens(a_login("https://a.example"),
                    R"({"access_token":"a","refresh_token":"r","expires_in":900,"refresh_expires_in":60})", 1'000'000);
    REQUIRE(made.has_value());
    CHECK(made->access_expires == 901'000'000);
    CHECK(made->expires == 61'000'000);
    for (const char* answer :
         {"", "<html>", "[]", R"({"access_token":"a"})", R"({"access_token":1,"refresh_token":"r"})"})
        CHECK_FALSE(with_tokens(a_login("https://a.example"), answer, 0).has_value());
}
