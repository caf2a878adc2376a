#include "core/text/mailbox.hpp"

#include <doctest/doctest.h>

namespace mailbox_test {

using namespace lurus;

TEST_CASE("a mailbox is one that a mail can be sent to") {
    const std::string sixty_four(64, 'a'), label(63, 'b');
    for (const std::string& text :
         {std::string("ann@example.com"), std::string("Ann.B+tag@Example.Com"), std::string("a@b"),
          std::string("root@localhost"), std::string("o'brien/x=1@mail-1.example.co.uk"),
          std::string("!#$%&*-?^_`{|}~@x1.y"), std::string("a@1.2.3x"), std::string("a@xn--bcher-kva.de"),
          sixty_four + "@example.com", "a@" + label + ".com"}) {
        CAPTURE(text);
        const auto parsed = parse_mailbox(text);
        REQUIRE_MESSAGE(parsed.has_value(), (parsed ? "" : parsed.error().message));
        CHECK(*parsed == text);
    }
}

TEST_CASE("what cannot be mailed is refused, and said to be") {
    using namespace std::string_literals;
    const std::string label(64, 'b');
    std::string longest = "a@";
    while (longest.size() < 252) longest += "bbbbb.";
    longest += "com";
    for (const std::string& text : {""s,
                                    "ann"s,
                                    "@example.com"s,
                                    "ann@"s,
                                    "@"s,
                                    "a@b@c.de"s,
                                    "a@b.c,evil@x.y"s,
                                    "a@b.c;evil@x.y"s,
                                    "a b@c.d"s,
                                    "a@b. c"s,
                                    " a@b.c"s,
                                    "a@b.c "s,
                                    "a@b.c\r\nBcc: evil@x.y"s,
                                    "a@b.c\n"s,
                                    "a\t@b.c"s,
                                    "a\0@b.c"s,
                                    "a@b.c\0"s,
                                    "a\x7f@b.c"s,
                                    "<a@b.c>"s,
                                    "Ann <a@b.c>"s,
                                    "\"a\"@b.c"s,
                                    "\"a b\"@b.c"s,
                                    "\"a@x.y\"@b.c"s,
                                    "a\\@b.c"s,
                                    "@x.y:a@b.c"s,
                                    "x.y!a@b.c,"s,
                                    "a@[127.0.0.1]"s,
                                    "a@[IPv6:::1]"s,
                                    "a@127.0.0.1"s,
                                    "a@b.1"s,
                                    "a(c)@b.c"s,
                                    "a@b.c(c)"s,
                                    ".a@b.c"s,
                                    "a.@b.c"s,
                                    "a..b@c.de"s,
                                    "a@.b.c"s,
                                    "a@b..c"s,
                                    "a@b.c."s,
                                    "a@-b.c"s,
                                    "a@b-.c"s,
                                    "a@b_c.de"s,
                                    "\xc3\xb6@b.c"s,
                                    "a@b\xc3\xbc.de"s,
                                    "a@b.c%0d%0aRCPT"s,
                                    "a@b.c?x"s,
                                    "a@b.c>"s,
                                    std::string(65, 'a') + "@b.c",
                                    "a@" + label + ".com",
                                    longest}) {
        CAPTURE(text);
        const auto parsed = parse_mailbox(text);
        REQUIRE_FALSE(parsed.has_value());
        CHECK(parsed.error().code == ErrorCode::invalid_argument);
        CHECK_FALSE(parsed.error().message.empty());
    }
}

TEST_CASE("a sender has a name, or none") {
    struct Case {
        const char* text;
        const char* name;
        const char* address;
    };
    for (const auto& [text, name, address] : {Case{"lurus@example.com", "", "lurus@example.com"},
                                              {"<lurus@example.com>", "", "lurus@example.com"},
                                              {"  Lurus   <lurus@example.com> ", "Lurus", "lurus@example.com"},
                                              {"Lurus Switch <l@e.com>", "Lurus Switch", "l@e.com"},
                                              {"\"Lurus, Inc.\" <l@e.com>", "Lurus, Inc.", "l@e.com"},
                                              {R"("a \"b\" \\ <c@d.e>" <l@e.com>)", "a \"b\" \\ <c@d.e>", "l@e.com"},
                                              {"Gr\xc3\xbc\xc3\x9f"
                                               "e <l@e.com>",
                                               "Gr\xc3\xbc\xc3\x9f"
                                               "e",
                                               "l@e.com"}}) {
        CAPTURE(text);
        const auto sender = parse_sender(text);
        REQUIRE_MESSAGE(sender.has_value(), (sender ? "" : sender.error().message));
        CHECK(sender->name == name);
        CHECK(sender->address == address);
    }
    for (const char* text :
         {"", "Lurus", "Lurus <>", "Lurus <lurus>", "Lurus lurus@example.com", "a@b.c, d@e.f", "Lurus, Inc. <l@e.com>",
          "a@b.c <d@e.f>", "Lurus <l@e.com>, <x@y.z>", "L <l@e.com> x", "L\r\nBcc: x@y.z <l@e.com>",
          "Lurus <l@e.com\r\n>", "\"a\\\" <l@e.com>", "a\"b <l@e.com>"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_sender(text).has_value());
    }
}

}  // namespace mailbox_test
