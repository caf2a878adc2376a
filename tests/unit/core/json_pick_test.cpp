#include "core/json/json_pick.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace lurus;
using json::Pick;
using json::Picker;

namespace {

constexpr Pick in_array[] = {{.key = "id", .capture = 1}, {.key = "*", .capture = 9}};
constexpr Pick elements[] = {{.key = "[]", .mark = 2, .children = in_array}};
constexpr Pick members[] = {
    {.key = "usage", .capture = 0}, {.key = "list", .mark = 3, .children = elements}, {.key = "s", .capture = 4}};
constexpr Pick root{.children = members};

struct Log final : json::PickSink {
    std::string text;
    void on_value(std::uint8_t id, std::string_view value, bool whole) override {
        text += std::to_string(id) + "=" + std::string(value.substr(0, 40)) + (whole ? ";" : "~;");
    }
    void on_mark(std::uint8_t id, char first) override { text += "<" + std::to_string(id) + first; }
    void on_end(std::uint8_t id) override { text += ">" + std::to_string(id); }
};

std::string pick(const std::string& text, std::size_t piece, std::size_t* end = nullptr) {
    Picker picker(root);
    Log log;
    for (std::size_t at = 0; at < text.size(); at += piece) {
        const std::string part = text.substr(at, piece);
        const std::size_t stop = picker.feed(part, log);
        if (stop != Picker::none && end != nullptr) *end = at + stop;
    }
    return log.text + (picker.done() ? "." : picker.broken() ? "!" : "?");
}

}  // namespace

TEST_CASE("pick: wanted values come out, however the text is cut") {
    const std::string text =
        R"( {"x":{"usage":1,"a\"}":"]}"},"us\u0061ge" : {"in":[1,{"q":"}"}]} ,"list":[ {"id":"\"1\\" , "o":true},3,[{"id":7}],{}],)"
        R"("s":"tail","s":-1.5e3 ,"n":null} trailing)";
    const std::string want = R"(0={"in":[1,{"q":"}"}]};<3[<2{1="\"1\\";9=true;>2<23<2[>2<2{>2>34="tail";4=-1.5e3;.)";
    for (std::size_t piece : {1, 2, 3, 5, 7, 16, 1000}) {
        CAPTURE(piece);
        std::size_t end = 0;
        CHECK(pick(text, piece, &end) == want);
        CHECK(end == text.rfind('}'));
    }
}

TEST_CASE("pick: texts that are no JSON end nowhere") {
    CHECK(pick("<html>", 1) == "?");
    CHECK(pick("{\"usage\":1,,}", 1) == "0=1;!");
    CHECK(pick("{x", 1) == "!");
    CHECK(pick("}", 1) == "!");
    CHECK(pick("{\"usage\" 1}", 1) == "!");
    CHECK(pick("{\"usage\":{\"a\":1", 3) == "?");
    CHECK(pick("", 1) == "?");
    CHECK(pick("[1]", 1) == ".");
    CHECK(pick("\"text\"", 1) == ".");
    CHECK(pick(std::string(100'000, '['), 1000) == "?");
}

TEST_CASE("pick: a long value that comes in pieces is cut, whole ones are not") {
    const std::string value = "\"" + std::string(Picker::max_capture + 10, 'v') + "\"";
    const std::string text = "{\"s\":" + value + "}";
    CHECK(pick(text, 4096).find("~;") != std::string::npos);
    CHECK(pick(text, text.size()).find("~;") == std::string::npos);
}

TEST_CASE("pick: of a path that keeps little only the beginning comes") {
    static constexpr Pick little[] = {{.key = "s", .capture = 1, .keep = 4}};
    static constexpr Pick top{.children = little};
    Picker picker(top);
    Log log;
    picker.feed("{\"s\":\"ab", log);
    picker.feed("cdef", log);
    picker.feed("gh\"}", log);
    CHECK(log.text == "1=\"abc~;");
    CHECK(picker.done());
}

TEST_CASE("pick: unfinished is what needs more to be JSON") {
    const auto unfinished = [](std::string_view text) {
        Picker picker(root);
        Log log;
        picker.feed(text, log);
        return picker.unfinished();
    };
    const std::string text = R"({"x":[1,{"y":"\\"}],"usage":{"a":null},"list":[{"id":true},-1],"s":"t"})";
    for (std::size_t size = 1; size < text.size(); ++size) CHECK(unfinished(text.substr(0, size)));
    CHECK_FALSE(unfinished(text));
    CHECK_FALSE(unfinished(""));
    CHECK_FALSE(unfinished(" \n"));
    CHECK_FALSE(unfinished("12"));
    CHECK_FALSE(unfinished("{x"));
    CHECK(unfinished("["));
    CHECK(unfinished("\"text"));
}

TEST_CASE("pick: a picker starts again") {
    Picker picker(root);
    Log log;
    picker.feed("{\"usage\":\"cut", log);
    picker.reset(root);
    picker.feed("{\"usage\":2}", log);
    CHECK(log.text == "0=2;");
    CHECK(picker.done());
}
