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

TEST_CASE("names in a mail's head are encoded, and none ends its line") {
    const auto head = [](const char* from, const std::string& subject) {
        const auto text = message_of({"a@example.com", subject, "t"}, from, "id", 0);
        REQUIRE_MESSAGE(text.has_value(), (text ? "" : text.error().message));
        return text->substr(0, text->find("\r\n\r\n"));
    };
    CHECK(head("Gr\xc3\xbc\xc3\x9f"
               "e <lurus@example.com>",
               "s")
              .contains("\r\nFrom: =?UTF-8?B?R3LDvMOfZQ==?= <lurus@example.com>\r\n"));
    CHECK(head("\"Lurus, \\\"Inc.\\\"\" <l@e.com>", "s").contains("\r\nFrom: \"Lurus, \\\"Inc.\\\"\" <l@e.com>\r\n"));
    CHECK(head("\"=?UTF-8?B?QQ==?=\" <l@e.com>", "s")
              .contains("\r\nFrom: =?UTF-8?B?PT9VVEYtOD9CP1FRPT0/PQ==?= <l@e.com>\r\n"));
    // A long subject is folded, and no character is divided: each word is UTF-8 by itself, of 75 characters at most.
    std::string long_subject;
    for (int i = 0; i < 60; ++i) long_subject += "\xe4\xba\xba";
    const std::string folded = head("l@e.com", long_subject + "\r\nBcc: b@example.com");
    CHECK_FALSE(folded.contains("Bcc"));
    std::size_t line = 0, words = 0;
    for (std::size_t end = folded.find("\r\n"); end != std::string::npos;
         line = end + 2, end = folded.find("\r\n", line)) {
        const std::string_view text = std::string_view(folded).substr(line, end - line);
        CHECK(text.size() <= 90);
        words += text.contains("=?UTF-8?B?") ? 1 : 0;
    }
    CHECK(words >= 4);
}

TEST_CASE("a mail's text has lines and no other control character") {
    const auto text =
        message_of({"a@example.com", "s", std::string("one\r\ntwo\x1b[31m\0", 14) + "\n"}, "l@e.com", "id", 0);
    REQUIRE(text.has_value());
    CHECK(text->ends_with("\r\n\r\none\r\ntwo[31m\r\n"));
}
