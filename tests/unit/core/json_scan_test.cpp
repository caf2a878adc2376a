#include "core/json/json_scan.hpp"
#include "core/json/json_bytes.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

using namespace lurus;
using json::Kind;
using json::Mode;
using json::Reader;

namespace {

struct Verdict {
    std::string error;
    std::size_t offset = 0;
};

Verdict check(std::string_view text) {
    Reader reader(text);
    reader.skip();
    reader.finish();
    return reader.failed() ? Verdict{reader.error(), reader.error_offset()} : Verdict{};
}

bool valid(std::string_view text) {
    return check(text).error.empty();
}

std::string nested(int depth) {
    return std::string(static_cast<std::size_t>(depth), '[') + std::string(static_cast<std::size_t>(depth), ']');
}

}  // namespace

TEST_CASE("json: what RFC 8259 allows is valid") {
    for (std::string_view text :
         {"{}", "[]", "null", "true", "false", "0", "-0", "1.5e-7", "1E+2", "\"\"", " [ 1 , 2 ] ",
          "\t{\"a\" : [ { } , [ ] ] }\r\n", R"("\"\\\/\b\f\n\r\t\u00e9\uD83D\uDE00")", R"("\ud800")", "\"\x7f\"",
          "\"h\xC3\xA9llo \xE4\xBD\xA0 \xF0\x9F\x98\x80\"", "{\"a\":1,\"a\":2}", "123456789012345678901234567890",
          "[[[[]]],{\"\":\"\"}]"}) {
        CAPTURE(text);
        CHECK(check(text).error == "");
    }
}

TEST_CASE("json: errors carry the offset where reading stopped") {
    struct Case {
        std::string text;
        std::size_t offset;
    };
    for (const Case& c : std::vector<Case>{{"", 0},
                                           {"  ", 2},
                                           {"{", 1},
                                           {"{\"a\"", 4},
                                           {"{\"a\":", 5},
                                           {"{\"a\":1", 6},
                                           {"{\"a\":1,}", 7},
                                           {"[1,]", 3},
                                           {"[1 2]", 3},
                                           {"{\"a\" 1}", 5},
                                           {"{1:2}", 1},
                                           {"[1}", 2},
                                           {"{]", 1},
                                           {"01", 1},
                                           {"-", 1},
                                           {"-a", 1},
                                           {"1.", 2},
                                           {"1.x", 2},
                                           {"1e", 2},
                                           {"1e+", 3},
                                           {".5", 0},
                                           {"+1", 0},
                                           {"tru", 3},
                                           {"trux", 3},
                                           {"nul", 3},
                                           {"\"abc", 4},
                                           {"\"a\nb\"", 2},
                                           {"\"\\x\"", 2},
                                           {"\"\\u12g4\"", 5},
                                           {"\"\\u12", 5},
                                           {"\"\\", 2},
                                           {"\"\xFF\"", 1},
                                           {"\"a\xC0\x80\"", 2},
                                           {"\"\xED\xA0\x80\"", 1},
                                           {"\"\xF4\x90\x80\x80\"", 1},
                                           {"\"\xE4\xBD\"", 1},
                                           {"{} x", 3},
                                           {"[] []", 3},
                                           {"\xEF\xBB\xBF{}", 0},
                                           {"'a'", 0},
                                           {"[1,,2]", 3}}) {
        CAPTURE(c.text);
        const Verdict verdict = check(c.text);
        CHECK(verdict.error != "");
        CHECK(verdict.offset == c.offset);
    }
}

TEST_CASE("json: nesting up to 512 is read, deeper is an error") {
    CHECK(valid(nested(512)));
    CHECK_FALSE(valid(nested(513)));
    CHECK(check(nested(100'000)).error == "nesting is deeper than 512");
    std::string objects;
    for (int i = 0; i < 512; ++i) objects += "{\"k\":";
    CHECK(valid(objects + "1" + std::string(512, '}')));
    CHECK_FALSE(valid("[" + objects + "1" + std::string(512, '}') + "]"));
    // The limit also holds across enter_*.
    const std::string deep = "{\"a\":" + nested(512) + "}";
    Reader reader(deep);
    std::string_view key;
    REQUIRE(reader.enter_object());
    REQUIRE(reader.next_member(key));
    CHECK(reader.skip() == "");
    CHECK(reader.failed());
}

TEST_CASE("json: members and elements come with their raw text") {
    const std::string_view text = R"( {"a" : 1, "b\u0065" :[ "x" , {"y":2} ],"c":{} , "d": "e\"f" } )";
    for (Mode mode : {Mode::strict, Mode::trusting}) {
        Reader reader(text, mode);
        std::string_view key;
        REQUIRE(reader.peek() == Kind::object);
        REQUIRE(reader.enter_object());
        REQUIRE(reader.next_member(key));
        CHECK(key == "a");
        CHECK(reader.skip() == "1");
        REQUIRE(reader.next_member(key));
        CHECK(json::key_equals(key, "be"));
        REQUIRE(reader.peek() == Kind::array);
        REQUIRE(reader.enter_array());
        REQUIRE(reader.next_element());
        CHECK(reader.skip() == "\"x\"");
        REQUIRE(reader.next_element());
        CHECK(reader.skip() == "{\"y\":2}");
        CHECK_FALSE(reader.next_element());
        REQUIRE(reader.next_member(key));
        CHECK(reader.skip() == "{}");
        REQUIRE(reader.next_member(key));
        CHECK(reader.skip() == "\"e\\\"f\"");
        CHECK_FALSE(reader.next_member(key));
        CHECK(reader.finish());
    }
}

TEST_CASE("json: every cut of a valid text is an error, none reads outside") {
    const std::string text =
        R"({"a":[1.5e3,"é\u00e9\n",{"b":null}],"long":")" + std::string(100, 'x') + R"(","t":true})";
    REQUIRE(valid(text));
    for (std::size_t cut = 0; cut < text.size(); ++cut) {
        const std::string part = text.substr(0, cut);  // its own allocation: the sanitizer sees an overread
        CHECK_FALSE(valid(part));
        Reader reader(part, Mode::trusting);
        CHECK(reader.skip() == "");
    }
}

namespace {

// Edits up to three bytes of a seed, `rounds` times, and reads what comes out; how many texts were valid.
int agrees_with_nlohmann(const std::vector<std::string>& seeds, std::string_view alphabet, int rounds) {
    std::mt19937 random(7);
    int accepted = 0;
    for (int i = 0; i < rounds; ++i) {
        std::string text = seeds[random() % seeds.size()];
        for (unsigned edits = 1 + random() % 3; edits > 0; --edits) {
            const std::size_t at = random() % text.size();
            const char c = alphabet[random() % alphabet.size()];
            switch (random() % 3) {
                case 0: text[at] = c; break;
                case 1: text.insert(at, 1, c); break;
                default: text.erase(at, 1); break;
            }
        }
        // nlohmann refuses lone surrogates, which the grammar allows, and numbers beyond a double's range.
        const bool ours = valid(text);
        const bool theirs = nlohmann::json::accept(text);
        if (ours != theirs && ours && text.find("\\u") != std::string::npos) continue;
        CAPTURE(text);
        REQUIRE(ours == theirs);
        accepted += ours ? 1 : 0;
    }
    return accepted;
}

}  // namespace

TEST_CASE("json: agrees with nlohmann on mutated texts") {
    const std::string seed =
        R"({"model":"m\u0061x","n":[-1.25e+3,0,10,{"k":"v\\\""}],"s":"h\u00e9 é 你","t":[true,false,null],"e":{}})";
    CHECK(agrees_with_nlohmann({seed}, "{}[]\",:\\u0123456789eE+-. tfnabc\n\x01\x80\xC3", 200'000) > 1000);
}

TEST_CASE("json: agrees with nlohmann on mutated long strings, whatever their escapes fall on") {
    std::vector<std::string> seeds;
    std::mt19937 random(11);
    const std::vector<std::string> pieces = {"\\n",  "\\\"", "\\\\", "\\/", "\\t",    "\\u4f60",
                                             "你好", "é",    "😀",   "x",   "if (a) "};
    for (int i = 0; i < 400; ++i) {
        // Every third is ASCII, every third has no \u, and some are all backslashes.
        const std::size_t known = i % 3 == 0 ? 5 : i % 3 == 1 ? 6 : pieces.size();
        std::string text = "[\"";
        while (text.size() < 150 + random() % 200) text += i % 10 == 9 ? "\\\\" : pieces[random() % known];
        seeds.push_back(text + "\",\"" + std::string(random() % 130, 'y') + "\"]");
        REQUIRE(valid(seeds.back()));
    }
    CHECK(agrees_with_nlohmann(seeds, "\"\\\\\\unbx \n\x01\x80\xC3\xE4", 200'000) > 1000);
}

TEST_CASE("json: unescape and quote are each other's inverse") {
    CHECK(json::unescape(R"(a\"\\\/\b\f\n\r\t\u0041\u00e9\ud83d\ude00)") ==
          "a\"\\/\b\f\n\r\tA\xC3\xA9\xF0\x9F\x98\x80");
    CHECK(json::unescape(R"(\ud800x)") == "\xEF\xBF\xBDx");
    CHECK(json::unescape(R"(\ude00)") == "\xEF\xBF\xBD");
    CHECK(json::unescape("\\") == "\xEF\xBF\xBD");
    CHECK(json::unescape("\\u12") ==
          "\xEF\xBF\xBD"
          "12");
    CHECK(json::quote("a\xFF"
                      "b") ==
          "\"a\xEF\xBF\xBD"
          "b\"");
    CHECK(json::quote(std::string_view("\0\x1f", 2)) == "\"\\u0000\\u001f\"");
    std::mt19937 random(3);
    for (int i = 0; i < 2000; ++i) {
        std::string text;
        for (unsigned n = random() % 80; n > 0; --n) {
            static const std::vector<std::string> atoms{"a", "\"", "\\", "\n", "\x01",
                                                        "é", "你", "😀", "/",  std::string(20, 'z')};
            text += atoms[random() % atoms.size()];
        }
        const std::string quoted = json::quote(text);
        REQUIRE(valid(quoted));
        REQUIRE(json::string_value(quoted) == text);
        REQUIRE(nlohmann::json::parse(quoted).get<std::string>() == text);
    }
}

TEST_CASE("json: integers") {
    CHECK(json::to_int64("0") == 0);
    CHECK(json::to_int64("-17") == -17);
    CHECK(json::to_int64("9223372036854775807") == 9223372036854775807);
    CHECK(json::to_int64("12.0") == 12);
    CHECK(json::to_int64("1e3") == 1000);
    CHECK(json::to_int64("\"42\"") == 42);
    for (std::string_view bad :
         {"", "1.5", "null", "true", "\"x\"", "\"\"", "{}", "99999999999999999999", "1e300", "nan", "inf", "\""}) {
        CAPTURE(bad);
        CHECK_FALSE(json::to_int64(bad).has_value());
    }
}

TEST_CASE("json: find follows a path and takes the last of equal keys") {
    const std::string_view text = R"({"a":{"b":1},"x":[{"b":9}],"a":{"b":2,"c":{"d":"e"}}})";
    CHECK(json::find(text, {"a", "b"}) == "2");
    CHECK(json::find(text, {"a", "c", "d"}) == "\"e\"");
    CHECK(json::find(text, {"x", "b"}) == "");
    CHECK(json::find(text, {"nope"}) == "");
    CHECK(json::find("[1]", {"a"}) == "");
    CHECK(json::find("", {"a"}) == "");
    CHECK_FALSE(json::key_equals("mod", "model"));
    CHECK(json::key_equals("mod\\u0065l", "model"));
    CHECK_FALSE(json::key_equals("mod\\u0065m", "model"));
}

TEST_CASE("json: the searches find what a plain loop finds") {
    std::mt19937 random(11);
    for (int i = 0; i < 5000; ++i) {
        std::string text(random() % 70, 'x');
        for (char& c : text) {
            if (random() % 20 == 0) c = "\"\\\r\n"[random() % 4];
        }
        const std::size_t from = text.empty() ? 0 : random() % text.size();
        auto plain = [&](std::string_view set) { return std::min(text.find_first_of(set, from), text.size()); };
        REQUIRE(json::find_quote_or_backslash(text, from) == plain("\"\\"));
        REQUIRE(json::find_line_end(text, from) == plain("\r\n"));
    }
}

TEST_CASE("json: a long run of plain bytes ends at the first special one, wherever it stands") {
    using lurus::json::bytes::is_plain;
    using lurus::json::bytes::skip_plain;
    for (int byte = 0; byte < 256; ++byte) {
        std::string text(700, static_cast<char>(byte));
        CHECK(skip_plain(text, 0) == (is_plain(static_cast<unsigned char>(byte)) ? text.size() : 0));
    }
    for (const char special : {'"', '\\', '\0', '\x1f', '\x80', '\xff'}) {
        std::string text(700, 'x');
        for (std::size_t at = 0; at < text.size(); ++at) {
            text[at] = special;
            if (skip_plain(text, 0) != at || skip_plain(text, at / 2) != at) FAIL("missed at ", at);
            text[at] = 'x';
        }
    }
}

TEST_CASE("json: long texts are found to be UTF-8 as their sequences are, wherever those stand") {
    using json::is_utf8;
    using json::bytes::utf8_length;
    // All pairs of bytes, and the bytes at which a third and fourth one's rules change, across a step of 32.
    const std::string tails = "\x7F\x80\x8F\x90\x9F\xA0\xBF\xC0";
    const std::string around(40, 'a');
    int wrong = 0;
    for (int lead = 0x70; lead < 0x100; ++lead) {
        for (int second = 0; second < 0x100; ++second) {
            for (const char third : tails) {
                for (const char fourth : tails) {
                    const char sequence[] = {static_cast<char>(lead), static_cast<char>(second), third, fourth};
                    std::string_view rest(sequence, 4);
                    while (!rest.empty() && utf8_length(rest) > 0) rest.remove_prefix(utf8_length(rest));
                    const std::size_t at = 28 + static_cast<std::size_t>(second % 5);
                    std::string text = around;
                    text.replace(at, 4, sequence, 4);
                    const std::string cut = text.substr(0, at + 4);
                    if (is_utf8(text) != rest.empty() || is_utf8(cut) != rest.empty()) ++wrong;
                }
            }
        }
    }
    CHECK(wrong == 0);
    CHECK(is_utf8(""));
    CHECK_FALSE(is_utf8(around.substr(0, 31) + "\xE4"));
    CHECK_FALSE(is_utf8(around.substr(0, 30) + "\xE4\xBD"));
}
