#include <doctest/doctest.h>

#include <array>
#include <random>
#include <string>
#include <vector>

#include "core/http/websocket_frames.hpp"

namespace websocket_frames_test {

namespace {

using namespace lurus::websocket;
using Kind = Step::Kind;
using Mask = std::array<std::uint8_t, 4>;

/// What a reader said, with the payload copied, since views last until the next feed.
struct Seen {
    Kind kind = Kind::none;
    Opcode opcode = Opcode::continuation;
    bool readable = false;
    std::uint64_t size = 0;
    std::string payload;
    std::uint16_t code = 0;
    bool operator==(const Seen&) const = default;
};

std::vector<Seen> read(FrameReader& reader, std::string_view bytes) {
    std::vector<Seen> out;
    while (true) {
        const std::vector<char> exact(bytes.begin(), bytes.end());
        const Step step = reader.feed({exact.data(), exact.size()});
        if (step.kind != Kind::none)
            out.push_back(
                {step.kind, step.opcode, step.readable, step.size, std::string(step.payload), step.close_code});
        bytes.remove_prefix(step.consumed);
        if (step.kind == Kind::none || step.kind == Kind::bad) {
            if (step.kind == Kind::none) CHECK(bytes.empty());
            return out;
        }
    }
}

/// The same, whole, byte by byte and in two pieces, which must be alike.
std::vector<Seen> read_all_ways(Sender sender, const std::string& bytes, std::size_t max_text = 1000) {
    FrameReader reader(sender, max_text);
    const std::vector<Seen> whole = read(reader, bytes);
    for (std::size_t at = 0; at <= bytes.size(); ++at) {
        CAPTURE(at);
        FrameReader two(sender, max_text);
        std::vector<Seen> seen = read(two, bytes.substr(0, at));
        if (seen.empty() || seen.back().kind != Kind::bad)
            for (Seen& more : read(two, bytes.substr(at))) seen.push_back(std::move(more));
        CHECK(seen == whole);
    }
    FrameReader each(sender, max_text);
    std::vector<Seen> seen;
    for (const char c : bytes) {
        for (Seen& more : read(each, {&c, 1})) seen.push_back(std::move(more));
        if (!seen.empty() && seen.back().kind == Kind::bad) break;
    }
    CHECK(seen == whole);
    return whole;
}

/// A frame of any shape, good or not.
std::string frame(unsigned first, std::string_view payload, bool masked) {
    std::string out =
        make_frame(Opcode::text, payload, masked ? std::optional<Mask>(Mask{1, 2, 0xf3, 0x84}) : std::nullopt);
    out[0] = static_cast<char>(first);
    return out;
}

TEST_CASE("websocket: the frames of RFC 6455 5.7") {
    const auto hello = [](Sender sender, const std::string& bytes) {
        const std::vector<Seen> seen = read_all_ways(sender, bytes);
        REQUIRE(seen.size() == 1);
        return seen[0];
    };
    using namespace std::string_literals;
    CHECK(hello(Sender::server, "\x81\x05Hello") == Seen{Kind::message, Opcode::text, true, 5, "Hello", 0});
    CHECK(hello(Sender::client, "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58") ==
          Seen{Kind::message, Opcode::text, true, 5, "Hello", 0});
    CHECK(hello(Sender::server, "\x01\x03Hel\x80\x02lo") == Seen{Kind::message, Opcode::text, true, 5, "Hello", 0});
    CHECK(hello(Sender::server, "\x89\x05Hello") == Seen{Kind::ping, Opcode::ping, false, 5, "Hello", 0});
    CHECK(hello(Sender::client, "\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58") ==
          Seen{Kind::pong, Opcode::pong, false, 5, "Hello", 0});
    CHECK(hello(Sender::server, "\x82\x7e\x01\x00"s + std::string(256, 'b')) ==
          Seen{Kind::message, Opcode::binary, true, 256, std::string(256, 'b'), 0});
    CHECK(make_frame(Opcode::text, "Hello") == "\x81\x05Hello");
    CHECK(make_frame(Opcode::text, "Hello", Mask{0x37, 0xfa, 0x21, 0x3d}) ==
          "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
}

TEST_CASE("websocket: control frames between fragments") {
    const std::string bytes = frame(0x01, "a", true) + frame(0x89, "p", true) + frame(0x00, "", true) +
                              frame(0x8a, "", true) + frame(0x80, "b", true) + frame(0x81, "", true);
    const std::vector<Seen> seen = read_all_ways(Sender::client, bytes);
    REQUIRE(seen.size() == 4);
    CHECK(seen[0].payload == "p");
    CHECK(seen[1].kind == Kind::pong);
    CHECK(seen[2] == Seen{Kind::message, Opcode::text, true, 2, "ab", 0});
    CHECK(seen[3] == Seen{Kind::message, Opcode::text, true, 0, "", 0});
}

TEST_CASE("websocket: a message beyond the limit passes unread, and the next is read again") {
    const std::string bytes = frame(0x81, std::string(11, 'x'), false) + frame(0x01, "12345", false) +
                              frame(0x00, "12345", false) + frame(0x80, "6", false) + frame(0x81, "0123456789", false);
    const std::vector<Seen> seen = read_all_ways(Sender::server, bytes, 10);
    REQUIRE(seen.size() == 3);
    CHECK(seen[0] == Seen{Kind::message, Opcode::text, false, 11, "", 0});
    CHECK(seen[1] == Seen{Kind::message, Opcode::text, false, 11, "", 0});
    CHECK(seen[2] == Seen{Kind::message, Opcode::text, true, 10, "0123456789", 0});
}

TEST_CASE("websocket: sizes around the length forms, in both directions") {
    for (const std::size_t size : {0U, 1U, 7U, 8U, 125U, 126U, 127U, 65535U, 65536U, 70001U}) {
        CAPTURE(size);
        std::string text(size, '\0');
        for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i % 26);
        FrameReader server(Sender::server);
        FrameReader client(Sender::client);
        const std::string plain = make_frame(Opcode::text, text);
        const std::string masked = make_frame(Opcode::text, text, Mask{9, 200, 3, 77});
        const std::vector<Seen> wanted{{Kind::message, Opcode::text, true, size, text, 0}};
        CHECK(read(server, plain) == wanted);
        CHECK(read(client, masked) == wanted);
    }
}

TEST_CASE("websocket: close") {
    const auto only = [](const std::string& bytes) {
        const std::vector<Seen> seen = read_all_ways(Sender::server, bytes);
        REQUIRE(seen.size() == 1);
        return seen[0];
    };
    CHECK(only(make_close(1000, "done")) == Seen{Kind::close, Opcode::close, false, 6, "done", 1000});
    CHECK(only(frame(0x88, "", false)) == Seen{Kind::close, Opcode::close, false, 0, "", 1005});
    CHECK(only(make_close(1000, "") + "anything") == Seen{Kind::close, Opcode::close, false, 2, "", 1000});
    CHECK(only(make_close(4999, std::string(200, 'r'))).payload.size() == 123);
    for (const int code : {1001, 1002, 1003, 1007, 1011, 1012, 1013, 1014, 3000, 4000})
        CHECK(only(make_close(static_cast<std::uint16_t>(code), "")).kind == Kind::close);
    for (const int code : {0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535})
        CHECK(only(make_close(static_cast<std::uint16_t>(code), "")).kind == Kind::bad);
    CHECK(only(frame(0x88, "x", false)).kind == Kind::bad);
}

TEST_CASE("websocket: broken framing") {
    using namespace std::string_literals;
    const auto refused = [](Sender sender, const std::string& bytes) {
        CAPTURE(bytes);
        const std::vector<Seen> seen = read_all_ways(sender, bytes);
        REQUIRE_FALSE(seen.empty());
        CHECK(seen.back().kind == Kind::bad);
        CHECK(seen.back().code == 1002);
        FrameReader reader(sender);
        (void)read(reader, bytes);
        const Step after = reader.feed("\x81\x00"s);
        CHECK(after.kind == Kind::bad);
        CHECK(after.consumed == 0);
        CHECK(after.error != nullptr);
    };
    refused(Sender::client, frame(0x81, "x", false));
    refused(Sender::server, frame(0x81, "x", true));
    for (const unsigned reserved : {0x91U, 0xa1U, 0xc1U}) refused(Sender::server, frame(reserved, "x", false));
    for (const unsigned opcode : {3U, 4U, 5U, 6U, 7U, 11U, 12U, 13U, 14U, 15U})
        refused(Sender::server, frame(0x80U | opcode, "x", false));
    for (const unsigned opcode : {8U, 9U, 10U}) {
        refused(Sender::server, frame(opcode, "x", false));
        refused(Sender::server, frame(0x80U | opcode, std::string(126, 'x'), false));
    }
    refused(Sender::server, frame(0x80, "x", false));
    refused(Sender::server, frame(0x00, "x", false));
    refused(Sender::server, frame(0x01, "x", false) + frame(0x81, "y", false));
    refused(Sender::server, frame(0x81, "x", false) + frame(0x80, "y", false));
    refused(Sender::server, "\x81\x7e\x00\x7d"s + std::string(125, 'x'));
    refused(Sender::server, "\x81\x7f\x00\x00\x00\x00\x00\x00\xff\xff"s);
    refused(Sender::server, "\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00"s);
}

TEST_CASE("websocket: lengths no memory could hold are only counted") {
    using namespace std::string_literals;
    FrameReader reader(Sender::server);
    const std::string endless = "\x01\x7f\x7f\xff\xff\xff\xff\xff\xff\xff"s;
    CHECK(read(reader, endless + std::string(1000, 'x')).empty());
    CHECK_FALSE(reader.between_frames());
}

TEST_CASE("websocket: where a frame of one's own fits") {
    FrameReader reader(Sender::server);
    CHECK(reader.between_messages());
    (void)reader.feed("\x01");
    CHECK_FALSE(reader.between_frames());
    (void)reader.feed("\x02");
    CHECK_FALSE(reader.between_frames());
    (void)reader.feed("ab");
    CHECK(reader.between_frames());
    CHECK_FALSE(reader.between_messages());
    (void)reader.feed(frame(0x80, "c", false));
    CHECK(reader.between_messages());
}

TEST_CASE("websocket: what is kept back until it is whole") {
    FrameReader reader(Sender::server);
    CHECK(reader.unfinished() == 0);
    (void)reader.feed("\x01");
    CHECK(reader.unfinished() == 1);
    CHECK_FALSE(reader.inside_payload());
    (void)reader.feed(
        "\x02"
        "a");
    CHECK(reader.unfinished() == 0);
    CHECK(reader.inside_payload());
    (void)reader.feed(
        "b\x89\x02"
        "p");
    CHECK(reader.unfinished() == 3);
    CHECK_FALSE(reader.inside_payload());
    CHECK(reader.inside_message());
    (void)reader.feed("q");
    CHECK(reader.unfinished() == 0);
    FrameReader client(Sender::client);
    (void)client.feed(frame(0x89, "ping", true).substr(0, 8));
    CHECK(client.unfinished() == 8);
}

TEST_CASE("websocket: a message that is too long to be kept is handed out in pieces") {
    struct Parts final : PartSink {
        std::string all;
        void on_part(std::string_view payload) override { all += payload; }
    } parts;
    for (const bool client : {false, true}) {
        parts.all.clear();
        FrameReader reader(client ? Sender::client : Sender::server, 10, &parts);
        const std::string bytes = frame(0x01, "01234", client) + frame(0x00, "56789", client) +
                                  frame(0x00, "abcdef", client) + frame(0x80, "g", client) +
                                  frame(0x81, "short", client);
        std::vector<Seen> seen;
        for (const char byte : bytes) {
            for (Seen& more : read(reader, std::string_view(&byte, 1))) seen.push_back(std::move(more));
        }
        REQUIRE(seen.size() == 2);
        CHECK_FALSE(seen[0].readable);
        CHECK(parts.all == "0123456789abcdefg");
        CHECK(seen[1].payload == "short");
    }
}

TEST_CASE("websocket: the handshake of RFC 6455 1.3") {
    CHECK(accept_value("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    CHECK(random_mask() != random_mask());
}

TEST_CASE("websocket: any messages, fragmented and cut any way") {
    std::mt19937_64 random(65455);
    const auto below = [&random](std::size_t n) { return static_cast<std::size_t>(random() % n); };
    for (int round = 0; round < 200; ++round) {
        const bool client = below(2) == 0;
        std::string wire;
        std::vector<Seen> wanted;
        const auto put = [&](unsigned first, const std::string& payload) {
            std::optional<Mask> mask;
            if (client) mask = Mask{static_cast<std::uint8_t>(random()), static_cast<std::uint8_t>(random()), 0, 255};
            std::string bytes = make_frame(Opcode::text, payload, mask);
            bytes[0] = static_cast<char>(first);
            wire += bytes;
        };
        for (std::size_t n = 1 + below(5); n > 0; --n) {
            std::string text(below(2) == 0 ? below(200) : below(3000), '\0');
            for (char& c : text) c = static_cast<char>(random());
            const bool binary = below(3) == 0;
            unsigned opcode = binary ? 2 : 1;
            std::size_t at = 0;
            for (std::size_t cuts = below(4); cuts > 0; --cuts) {
                const std::size_t size = below(text.size() - at + 1);
                put(opcode, text.substr(at, size));
                at += size;
                opcode = 0;
                if (below(3) == 0) {
                    put(0x89, "beat");
                    wanted.push_back({Kind::ping, Opcode::ping, false, 4, "beat", 0});
                }
            }
            put(0x80U | opcode, text.substr(at));
            const bool readable = text.size() <= 2000;
            wanted.push_back({Kind::message, binary ? Opcode::binary : Opcode::text, readable, text.size(),
                              readable ? text : "", 0});
        }
        FrameReader reader(client ? Sender::client : Sender::server, 2000);
        std::vector<Seen> seen;
        for (std::size_t at = 0; at < wire.size();) {
            const std::size_t n = 1 + below(1 + below(800));
            for (Seen& more : read(reader, std::string_view(wire).substr(at, n))) seen.push_back(std::move(more));
            at += n;
        }
        REQUIRE(seen == wanted);
        REQUIRE(reader.between_messages());
    }
}

}  // namespace

}  // namespace websocket_frames_test
