#include "modules/gateway/answer/sse.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

using namespace lurus::gateway;

namespace {

struct Collect final : SseSink {
    struct One {
        std::string name, data;
        bool in_parts;
        bool unclosed;
        std::size_t begin;
    };
    std::vector<One> events;
    std::string parts;
    std::size_t part_bytes = 0;
    void on_event(const SseEvent& event) override {
        if (event.in_parts) CHECK(parts.starts_with(event.data));
        events.push_back({std::string(event.name), event.in_parts ? std::move(parts) : std::string(event.data),
                          event.in_parts, event.unclosed, event.begin});
    }
    void on_part(std::string_view data, bool first) override {
        if (first) parts.clear();
        parts += data;
        part_bytes += data.size();
    }
    [[nodiscard]] std::string text() const {
        std::string out;
        for (const One& e : events) out += "[" + e.name + "|" + e.data + "]";
        return out;
    }
};

std::string read(std::string_view stream, std::size_t piece = 1 << 30,
                 std::size_t max_event = SseScanner::default_max_event) {
    SseScanner scanner(max_event);
    Collect sink;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
        const std::string part(stream.substr(at, piece));
        scanner.feed(part, sink);
    }
    scanner.finish(sink);
    return sink.text();
}

// Line by line after turning every line end into LF: slow, and plainly what the standard says.
std::string reference(std::string stream) {
    if (stream.starts_with("\xEF\xBB\xBF")) stream.erase(0, 3);
    std::string text;
    for (std::size_t i = 0; i < stream.size(); ++i) {
        if (stream[i] == '\r') {
            text += '\n';
            if (i + 1 < stream.size() && stream[i + 1] == '\n') ++i;
        } else {
            text += stream[i];
        }
    }
    if (!text.empty() && text.back() != '\n') text += '\n';
    text += '\n';
    std::string out, name, data;
    bool has_data = false;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = text.find('\n', at);
        std::string line = text.substr(at, end - at);
        at = end + 1;
        if (line.empty()) {
            if (has_data) out += "[" + name + "|" + data + "]";
            name.clear();
            data.clear();
            has_data = false;
            continue;
        }
        const std::size_t colon = line.find(':');
        std::string field = line.substr(0, colon);
        std::string value = colon == std::string::npos ? "" : line.substr(colon + 1);
        if (value.starts_with(' ')) value.erase(0, 1);
        if (field == "event") name = value;
        if (field == "data") {
            if (has_data) data += '\n';
            data += value;
            has_data = true;
        }
    }
    return out;
}

}  // namespace

TEST_CASE("sse: fields, comments, line ends") {
    CHECK(read("data: a\n\n") == "[|a]");
    CHECK(read("data:a\n\ndata:  b\n\n") == "[|a][| b]");
    CHECK(read("event: e\ndata: a\nid: 1\nretry: 3\n: c\nunknown: x\n\n") == "[e|a]");
    CHECK(read("data: a\ndata: b\ndata\n\n") == "[|a\nb\n]");
    CHECK(read("event: lost\n\ndata: a\n\n") == "[|a]");
    CHECK(read(": only a comment\n\n\n\n") == "");
    CHECK(read("data: a\r\n\r\ndata: b\r\rdata: c\n\n") == "[|a][|b][|c]");
    CHECK(read("\xEF\xBB\xBF"
               "data: a\n\n") == "[|a]");
    CHECK(read("\xEF\xBB"
               "data: a\n\ndata: b\n\n") == "[|b]");
    CHECK(read("data: no end") == "[|no end]");
    CHECK(read("data: no blank line\n") == "[|no blank line]");
    CHECK(read("event: a\nevent: b\ndata: x\n\n") == "[b|x]");
    CHECK(read("") == "");
}

TEST_CASE("sse: any split of any stream reads the same") {
    std::mt19937 random(5);
    const std::vector<std::string> atoms{"data:", "data: ",   "event: x", "\n",     "\r\n",  "\r",
                                         "\n\n",  "\r\n\r\n", ": c",      "{\"a\"", ":",     "data",
                                         "abc",   " ",        "\xEF\xBB", "é",      "event", "\xEF\xBB\xBF"};
    for (int i = 0; i < 3000; ++i) {
        std::string stream;
        for (unsigned n = random() % 24; n > 0; --n) stream += atoms[random() % atoms.size()];
        const std::string want = reference(stream);
        CAPTURE(stream);
        REQUIRE(read(stream) == want);
        REQUIRE(read(stream, 1) == want);
        REQUIRE(read(stream, 2) == want);
        REQUIRE(read(stream, 1 + random() % 9) == want);
        if (stream.find("event") != std::string::npos) continue;  // a name beyond the limit is none
        for (const std::size_t most : {8, 9, 12, 20}) {
            REQUIRE(read(stream, 1, most) == want);
            REQUIRE(read(stream, 1 + random() % 9, most) == want);
        }
    }
}

TEST_CASE("sse: an event knows where it began in the piece") {
    SseScanner scanner;
    Collect sink;
    scanner.feed("data: 1\n\n\n: c\n\ndata: 2\n\nda", sink);
    REQUIRE(sink.events.size() == 2);
    CHECK(sink.events[0].begin == 0);
    CHECK(sink.events[1].begin == 15);
    scanner.feed("ta: 3\r\n\r\ndata: 4\n\n", sink);
    REQUIRE(sink.events.size() == 4);
    CHECK(sink.events[2].begin == 0);
    CHECK(sink.events[3].begin == 9);
}

TEST_CASE("sse: the boundary is where bytes disturb nothing") {
    const std::string stream = "data: 1\n\n: c\n\nevent: e\r\ndata: 2\r\n\r\ndata: 3\n\n";
    for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
        SseScanner scanner;
        Collect sink;
        scanner.feed(stream.substr(0, cut), sink);
        if (!scanner.at_boundary()) continue;
        const std::string with = stream.substr(0, cut) + ": keepalive\n\n" + stream.substr(cut);
        CHECK(read(with) == read(stream));
        CHECK((cut == 0 || cut == 9 || cut == 14 || cut == 35 || cut == stream.size()));
    }
    SseScanner scanner;
    Collect sink;
    CHECK(scanner.at_boundary());
    scanner.feed("data: 1", sink);
    CHECK_FALSE(scanner.at_boundary());
    scanner.feed("\n", sink);
    CHECK_FALSE(scanner.at_boundary());
    scanner.feed("\n", sink);
    CHECK(scanner.at_boundary());
    scanner.feed("\xEF", sink);
    CHECK_FALSE(scanner.at_boundary());
}

TEST_CASE("sse: an event of any length goes on in parts, and little of it is kept") {
    SseScanner scanner;
    Collect sink;
    const std::string megabyte(1 << 20, 'x');
    scanner.feed("event: big\ndata: {", sink);
    for (int i = 0; i < 40; ++i) {
        scanner.feed(megabyte, sink);
        CHECK(scanner.kept() <= 2 * SseScanner::default_max_event);
        CHECK_FALSE(scanner.at_boundary());
    }
    CHECK(scanner.kept() <= 2 * SseScanner::kept_beginning);
    scanner.feed("}\n\ndata: small\n\n", sink);
    REQUIRE(sink.events.size() == 2);
    CHECK(sink.events[0].in_parts);
    CHECK(sink.events[0].name == "big");
    CHECK(sink.events[0].data.size() == (40u << 20) + 2);
    CHECK_FALSE(sink.events[1].in_parts);
    CHECK(sink.events[1].data == "small");

    // As many lines, with a name behind them.
    for (int i = 0; i < 9; ++i) scanner.feed("data: " + megabyte + "\n", sink);
    scanner.feed("event: late\n\n", sink);
    REQUIRE(sink.events.size() == 3);
    CHECK(sink.events[2].in_parts);
    CHECK(sink.events[2].name == "late");
    CHECK(sink.events[2].data.size() == (9u << 20) + 8);

    // Other lines of any length say nothing, and are not kept.
    scanner.feed(": ", sink);
    for (int i = 0; i < 9; ++i) scanner.feed(megabyte, sink);
    CHECK(scanner.kept() <= SseScanner::default_max_event);
    scanner.feed("\ndata: 1\n\n", sink);
    REQUIRE(sink.events.size() == 4);
    CHECK(sink.events[3].data == "1");
}

TEST_CASE("sse: an event without its blank line is told as one, and its end is no boundary") {
    for (const std::string_view stream : {"data: 1\n\ndata: 2", "data: 1\n\ndata: 2\n", "data: 1\r\n\r\ndata: 2\r\n"}) {
        SseScanner scanner;
        Collect sink;
        scanner.feed(stream, sink);
        scanner.finish(sink);
        REQUIRE(sink.events.size() == 2);
        CHECK_FALSE(sink.events[0].unclosed);
        CHECK(sink.events[1].unclosed);
        CHECK_FALSE(scanner.at_boundary());
    }
    SseScanner scanner;
    Collect sink;
    scanner.feed("data: 1\n\n", sink);
    scanner.finish(sink);
    CHECK(scanner.at_boundary());
    SseScanner comment;
    comment.feed("data: 1\n\n: hal", sink);
    comment.finish(sink);
    CHECK_FALSE(comment.at_boundary());
}
