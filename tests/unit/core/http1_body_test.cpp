#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "core/http/http1.hpp"

namespace {

using namespace lurus::http1;

struct Read {
    std::string payload;
    std::size_t consumed = 0;
    const char* error = nullptr;
    bool done = false;
};

/// Feeds the pieces as a connection would: what one call leaves is offered again, then the next piece.
Read read(BodyFramer framer, const std::vector<std::string>& pieces) {
    Read out;
    for (const std::string& piece : pieces) {
        std::string_view rest = piece;
        while (!rest.empty() && out.error == nullptr) {
            const std::vector<char> exact(rest.begin(), rest.end());
            const BodyFramer::Step step = framer.feed({exact.data(), exact.size()});
            out.payload += step.payload;
            out.consumed += step.consumed;
            out.error = step.error;
            if (step.consumed == 0) break;
            rest.remove_prefix(step.consumed);
        }
        if (!rest.empty()) break;
    }
    out.done = framer.done();
    return out;
}

BodyFramer chunked() {
    return {BodyKind::chunked, 0};
}

/// The same bytes whole, byte by byte and split in two at every place must read alike.
Read read_all_ways(BodyKind kind, std::uint64_t length, const std::string& bytes) {
    const Read whole = read({kind, length}, {bytes});
    for (std::size_t at = 0; at <= bytes.size(); ++at) {
        CAPTURE(at);
        const Read split = read({kind, length}, {bytes.substr(0, at), bytes.substr(at)});
        CHECK(split.payload == whole.payload);
        CHECK(split.consumed == whole.consumed);
        CHECK(split.done == whole.done);
        CHECK(split.error == whole.error);
    }
    std::vector<std::string> single;
    for (const char c : bytes) single.emplace_back(1, c);
    const Read bytewise = read({kind, length}, single);
    CHECK(bytewise.payload == whole.payload);
    CHECK(bytewise.consumed == whole.consumed);
    CHECK(bytewise.done == whole.done);
    CHECK(bytewise.error == whole.error);
    return whole;
}

TEST_CASE("http1 body: none, length, until close") {
    BodyFramer none;
    CHECK(none.done());
    CHECK(none.feed("GET").consumed == 0);
    CHECK(none.end_of_input());
    CHECK(BodyFramer(BodyKind::length, 0).done());

    const Read length = read_all_ways(BodyKind::length, 5, "helloGET /");
    CHECK(length.payload == "hello");
    CHECK(length.consumed == 5);
    CHECK(length.done);

    BodyFramer cut(BodyKind::length, 5);
    CHECK(cut.feed("hell").payload == "hell");
    CHECK_FALSE(cut.done());
    CHECK_FALSE(cut.end_of_input());
    CHECK(cut.feed("o").error != nullptr);

    BodyFramer until(BodyKind::until_close, 0);
    CHECK(until.feed("abc").payload == "abc");
    CHECK_FALSE(until.done());
    CHECK(until.end_of_input());
    CHECK(until.done());
    CHECK(until.feed("d").consumed == 0);
}

TEST_CASE("http1 body: chunked") {
    const auto good = [](const std::string& bytes, const std::string& payload) {
        CAPTURE(bytes);
        const Read result = read_all_ways(BodyKind::chunked, 0, bytes + "GET / HTTP/1.1");
        CHECK(result.payload == payload);
        CHECK(result.consumed == bytes.size());
        CHECK(result.done);
        CHECK(result.error == nullptr);
    };
    good("0\r\n\r\n", "");
    good("5\r\nhello\r\n0\r\n\r\n", "hello");
    good("5\r\nhello\r\n1\r\n \r\n00000000000000aB\r\n" + std::string(171, 'x') + "\r\n000\r\n\r\n",
         "hello " + std::string(171, 'x'));
    good("2\r\n\r\n\r\n0\r\n\r\n", "\r\n");
    good("5;name=value;q=\"a b\"\r\nhello\r\n0;last\r\n\r\n", "hello");
    good("0\r\nx-checksum: 1\r\nempty:\r\n\r\n", "");

    BodyFramer cut = chunked();
    CHECK(cut.feed("5\r\nhello\r\n").payload == "hello");
    CHECK_FALSE(cut.end_of_input());
}

TEST_CASE("http1 body: one call takes framing and one run of payload") {
    BodyFramer framer = chunked();
    const std::string bytes = "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\nrest";
    const BodyFramer::Step first = framer.feed(bytes);
    CHECK(first.payload == "abc");
    const BodyFramer::Step second = framer.feed(std::string_view(bytes).substr(first.consumed));
    CHECK(second.payload == "de");
    CHECK(framer.done());
    CHECK(first.consumed + second.consumed == bytes.size() - 4);
}

TEST_CASE("http1 body: bad chunks") {
    struct Bad {
        std::string bytes;
        std::string payload;
    };
    const std::string nul(1, '\0');
    const std::vector<Bad> table = {
        {"\r\n", ""},
        {"g\r\n", ""},
        {"-1\r\n", ""},
        {"+1\r\n", ""},
        {"0x5\r\nhello\r\n", ""},
        {" 5\r\nhello\r\n", ""},
        {"5 \r\nhello\r\n", ""},
        {"5\t;a\r\nhello\r\n", ""},
        {"5\nhello\n0\n\n", ""},
        {"5\rhello", ""},
        {"5\r\rhello", ""},
        {";a\r\n", ""},
        {"5;a\nhello\r\n", ""},
        {"5;a\rb\r\nhello\r\n", ""},
        {"5;a" + nul + "\r\nhello\r\n", ""},
        {"5;" + std::string(1025, 'a') + "\r\n", ""},
        {"00000000000000005\r\nhello\r\n", ""},
        {"10000000000000000\r\n", ""},
        {"fffffffffffffffff\r\n", ""},
        {"5\r\nhelloX\r\n", "hello"},
        {"5\r\nhello!\n0\r\n\r\n", "hello"},
        {"5\r\nhello\n0\r\n\r\n", "hello"},
        {"5\r\nhello\r0\r\n\r\n", "hello"},
        {"5\r\nhello0\r\n\r\n", "hello"},
        {"5\r\nhello\r\n\r\n", "hello"},
        {"4\r\nhello\r\n0\r\n\r\n", "hell"},
        {"0\r\n\n", ""},
        {"0\r\n\rX", ""},
        {"0\n\r\n", ""},
        {"0\r\n x: y\r\n\r\n", ""},
        {"0\r\nx: y\r\n z\r\n\r\n", ""},
        {"0\r\nx : y\r\n\r\n", ""},
        {"0\r\n: y\r\n\r\n", ""},
        {"0\r\nx: y\n\r\n", ""},
        {"0\r\nx: y\rz\r\n\r\n", ""},
        {"0\r\nGET / HTTP/1.1\r\n\r\n", ""},
        {"0\r\nx: " + std::string(16384, 'y') + "\r\n\r\n", ""},
    };
    for (const Bad& bad : table) {
        CAPTURE(bad.bytes);
        const Read result =
            bad.bytes.size() < 512 ? read_all_ways(BodyKind::chunked, 0, bad.bytes) : read(chunked(), {bad.bytes});
        CHECK(result.error != nullptr);
        CHECK_FALSE(result.done);
        CHECK(result.payload == bad.payload);
        CHECK(result.consumed < bad.bytes.size());
    }
    BodyFramer many = chunked();
    std::string fields = "0\r\n";
    for (int i = 0; i < 5000; ++i) fields += "a: b\r\n";
    CHECK(many.feed(fields).error != nullptr);
    CHECK_FALSE(many.end_of_input());
}

TEST_CASE("http1 body: what is chunked any way and cut any way comes back") {
    std::mt19937_64 random(20261121);
    const auto below = [&random](std::size_t n) { return static_cast<std::size_t>(random() % n); };
    for (int round = 0; round < 400; ++round) {
        std::string payload(below(4000), '\0');
        for (char& c : payload) c = below(4) == 0 ? "\r\n0;"[below(4)] : static_cast<char>(random());
        std::string wire;
        for (std::size_t at = 0; at < payload.size();) {
            const std::size_t n = 1 + below(std::min<std::size_t>(payload.size() - at, 1 + below(900)));
            char size[32];
            std::snprintf(size, sizeof size, below(2) == 0 ? "%zx" : "%04zX", n);
            wire += size;
            if (below(4) == 0) wire += ";x=" + std::string(below(50), 'y');
            wire += "\r\n" + payload.substr(at, n) + "\r\n";
            at += n;
        }
        wire += "0\r\n";
        for (std::size_t i = below(3); i > 0; --i) wire += "t: " + std::string(below(30), 'v') + "\r\n";
        wire += "\r\n";
        const std::size_t end = wire.size();
        wire += "next";
        std::vector<std::string> pieces;
        for (std::size_t at = 0; at < wire.size();) {
            const std::size_t n = 1 + below(1 + below(1200));
            pieces.push_back(wire.substr(at, n));
            at += n;
        }
        const Read result = read(chunked(), pieces);
        REQUIRE(result.error == nullptr);
        REQUIRE(result.done);
        REQUIRE(result.consumed == end);
        REQUIRE(result.payload == payload);
    }
}

}  // namespace
