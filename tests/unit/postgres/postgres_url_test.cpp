#include "core/db/postgres_url.hpp"

#include <doctest/doctest.h>

using namespace lurus;

namespace {

std::string shown(const std::string& url) {
    const auto read = sql::read_postgres_url(Secret(url), 2);
    return read ? read->shown : "error: " + read.error().message;
}

std::string conninfo(const std::string& url) {
    const auto read = sql::read_postgres_url(Secret(url), 2);
    REQUIRE_MESSAGE(read.has_value(), (read ? "" : read.error().message));
    return std::string(read->conninfo.reveal());
}

}  // namespace

TEST_CASE("PostgreSQL's address: a URL and keywords say the same") {
    const std::string url =
        conninfo("postgresql://lurus:s%40%27%5C%20cret@db.example.com:6432/team?sslmode=verify-full");
    CHECK(url == conninfo("host=db.example.com port=6432 user=lurus password='s@\\'\\\\ cret' dbname=team "
                          "sslmode=verify-full"));
    CHECK(url.contains(R"(password='s@\'\\ cret')"));
    CHECK(url.contains("sslmode='verify-full'"));
}

TEST_CASE("PostgreSQL's address: what is not said is what this program wants") {
    const std::string plain = conninfo("postgresql://db.example.com/team");
    CHECK(plain.contains("connect_timeout='2'"));
    CHECK(plain.contains("application_name='lurus'"));
    CHECK(plain.contains("client_encoding='UTF8'"));
    const std::string own =
        conninfo("postgresql://db.example.com/team?connect_timeout=9&application_name=mine&client_encoding=LATIN1");
    CHECK(own.contains("connect_timeout='9'"));
    CHECK(own.contains("application_name='mine'"));
    CHECK(own.contains("client_encoding='UTF8'"));  // texts here are nothing else
}

TEST_CASE("PostgreSQL's address: messages have where it is, and nobody's password") {
    CHECK(shown("postgresql://lurus:secret@db.example.com:6432/team") == "db.example.com:6432/team");
    CHECK(shown("postgresql://lurus:secret@db.example.com") == "db.example.com:5432/lurus");
    CHECK(shown("host=/run/postgresql user=lurus password=secret dbname=team") == "/run/postgresql:5432/team");
    CHECK(shown("hostaddr=192.0.2.1 dbname=team") == "192.0.2.1:5432/team");
    CHECK(shown("postgresql://[2001:db8::1]:6432/team") == "2001:db8::1:6432/team");
    CHECK(shown("postgresql://lurus:secret@one:5432,two:5433/team") == "one,two:5432,5433/team");
    for (const char* wrong : {
             "postgresql://lurus:secret@db.example.com:6432/team?no_such_option=1",
             "postgresql://lurus:se%cret@db.example.com/team",
             "postgresql://lurus:se@cret@db.example.com/team",
             "postgresql://lurus:se/cret@db.example.com/team",
             "postgresql://lurus:12/secret@db.example.com/team",
             "host=db.example.com password='secret",
             "secret",
             "mysql://lurus:secret@db.example.com/team",
         }) {
        CAPTURE(wrong);
        const std::string message = shown(wrong);
        CHECK(message.starts_with("error: "));
        CHECK(message.contains("postgresql://USER:PASSWORD@HOST"));
        CHECK_FALSE(message.contains("cret"));
    }
}
