#include "modules/signin/mail.hpp"

#include <doctest/doctest.h>

using namespace lurus;
using namespace lurus::signin;

TEST_CASE("a message has its headers, CRLF, and UTF-8 where it belongs") {
    const auto text = message_of({"alice@example.com", "Grüße", "Line one\nlïne two\n"}, "Lurus <lurus@example.com>",
                                 "id1", 1'795'000'000'000'000);
    REQUIRE(text.has_value());
    CHECK(text->starts_with("Date: Wed, 18 Nov 2026 "));
    CHECK(text->find("\r\nFrom: Lurus <lurus@example.com>\r\n") != std::string::npos);
    CHECK(text->find("\r\nTo: <alice@example.com>\r\n") != std::string::npos);
    CHECK(text->find("\r\nMessage-ID: <id1@example.com>\r\n") != std::string::npos);
    CHECK(text->find("\r\nSubject: =?UTF-8?B?R3LDvMOfZQ==?=\r\n") != std::string::npos);
    CHECK(text->ends_with("\r\n\r\nLine one\r\nlïne two\r\n"));
    for (std::size_t i = 0; i < text->size(); ++i) CHECK(((*text)[i] != '\n' || (*text)[i - 1] == '\r'));
}

TEST_CASE("an address cannot bring a header or a second recipient along") {
    for (const char* to : {"", "alice", "@example.com", "alice@", "a@example.com\r\nBcc: b@example.com",
                           "a@example.com, b@example.com", "<a@example.com>", "a b@example.com", "\"a\"@example.com"}) {
        CAPTURE(to);
        CHECK_FALSE(message_of({to, "s", "t"}, "lurus@example.com", "id", 0).has_value());
    }
    CHECK_FALSE(message_of({"a@example.com", "s", "t"}, "lurus@example.com\r\nX: y", "id", 0).has_value());
    const auto subject = message_of({"a@example.com", "s\r\nBcc: b@example.com", "t"}, "lurus@example.com", "id", 0);
    CHECK(subject->find("\r\nBcc:") == std::string::npos);
}
