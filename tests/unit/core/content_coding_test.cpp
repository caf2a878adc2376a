#include "core/http/content_coding.hpp"

#include <brotli/encode.h>
#include <doctest/doctest.h>
#include <zlib.h>
#include <zstd.h>

#include <limits>
#include <string>
#include <utility>
#include <vector>

using namespace lurus;
using State = ContentDecoder::State;

namespace {

std::string deflated(std::string_view text, int window_bits, int flush = Z_FINISH) {
    z_stream stream{};
    REQUIRE(deflateInit2(&stream, 6, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    std::string out(deflateBound(&stream, text.size()) + 64, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    deflate(&stream, flush);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

std::string gzipped(std::string_view text) {
    return deflated(text, 15 + 16);
}

std::string brotlied(std::string_view text) {
    std::size_t size = BrotliEncoderMaxCompressedSize(text.size()) + 16;
    std::string out(size, '\0');
    REQUIRE(BrotliEncoderCompress(5, 22, BROTLI_MODE_TEXT, text.size(), reinterpret_cast<const uint8_t*>(text.data()),
                                  &size, reinterpret_cast<uint8_t*>(out.data())) == BROTLI_TRUE);
    out.resize(size);
    return out;
}

std::string zstded(std::string_view text, int window_log = 0) {
    ZSTD_CCtx* context = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, 3);
    if (window_log != 0) {
        ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
        ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
    }
    std::string out(ZSTD_compressBound(text.size()), '\0');
    ZSTD_inBuffer from{text.data(), text.size(), 0};
    ZSTD_outBuffer to{out.data(), out.size(), 0};
    // In two pieces, so that the frame does not know its size and keeps its window.
    ZSTD_inBuffer first{text.data(), text.size() / 2, 0};
    ZSTD_compressStream2(context, &to, &first, ZSTD_e_continue);
    from.pos = first.pos;
    while (ZSTD_compressStream2(context, &to, &from, ZSTD_e_end) != 0) {
    }
    out.resize(to.pos);
    ZSTD_freeCCtx(context);
    return out;
}

ContentCodings codings(std::string_view value) {
    http1::ResponseHead head;
    head.fields = {{"Content-Encoding", value}};
    return content_codings(head);
}

struct Decoded {
    State state = State::good;
    bool whole = false;
    std::string text;
};

Decoded decode(std::string_view value, std::string_view bytes, std::size_t step, std::size_t room,
               std::uint64_t limit = 100 << 20) {
    ContentDecoder decoder(codings(value), limit);
    Decoded out;
    std::string piece(room, '\0');
    for (std::size_t at = 0; at < bytes.size(); at += step) {
        std::string_view rest = bytes.substr(at, step);
        for (bool more = true; more;) {
            const auto did = decoder.decode(rest, piece);
            rest.remove_prefix(did.consumed);
            out.text.append(piece, 0, did.produced);
            out.state = did.state;
            if (did.state != State::good) return out;
            more = !rest.empty() || did.produced == room;
            if (more) REQUIRE(did.consumed + did.produced > 0);
        }
    }
    out.whole = decoder.whole();
    return out;
}

std::string sample() {
    std::string text = R"({"model":"claude","messages":[)";
    for (int i = 0; i < 3000; ++i)
        text += "{\"role\":\"user\",\"content\":\"" + std::to_string(i * 7919 % 1000) + "\"},";
    return text + "{}]}";
}

}  // namespace

TEST_CASE("content codings: names, lists, case and what is unknown") {
    CHECK(codings("identity").none());
    CHECK(codings("").none());
    const auto two = codings(" GZIP ,\tzstd");
    REQUIRE(two.count == 2);
    CHECK(two.list[0] == ContentCoding::gzip);
    CHECK(two.list[1] == ContentCoding::zstd);
    CHECK(codings("x-gzip").list[0] == ContentCoding::gzip);
    CHECK(codings("Br").list[0] == ContentCoding::br);
    CHECK(codings("deflate, identity").count == 1);
    CHECK(codings("compress").unknown == "compress");
    CHECK(codings("gzip, exi").unknown == "exi");
    CHECK(codings("gzip,gzip,gzip,gzip").unknown == "gzip");
    http1::ResponseHead head;
    head.fields = {{"content-encoding", "gzip"}, {"X", "y"}, {"CONTENT-ENCODING", "br"}};
    CHECK(content_codings(head).count == 2);
}

TEST_CASE("content codings: what a client asks for") {
    const auto asks = [](std::string_view accept, std::string_view encoding) {
        http1::RequestHead head;
        if (!accept.empty()) head.fields = {{"Accept-Encoding", accept}};
        return asks_for(head, codings(encoding));
    };
    CHECK(asks("gzip, deflate, br", "br"));
    CHECK(asks("GZip;q=0.5", "x-gzip"));
    CHECK(asks("*", "zstd"));
    CHECK_FALSE(asks("", "gzip"));
    CHECK_FALSE(asks("identity", "gzip"));
    CHECK_FALSE(asks("gzip;q=0", "gzip"));
    CHECK_FALSE(asks("gzip; q=0.000", "gzip"));
    CHECK_FALSE(asks("gzip", "gzip, br"));
}

TEST_CASE("content codings: every coding, in every split, says what went in") {
    const std::string text = sample();
    const std::vector<std::pair<std::string, std::string>> bodies = {
        {"gzip", gzipped(text)},
        {"x-gzip", gzipped(text.substr(0, 1000)) + gzipped(text.substr(1000))},  // two members
        {"gzip", gzipped(text) + std::string(7, '\0')},
        {"deflate", deflated(text, 15)},
        {"deflate", deflated(text, -15)},
        {"br", brotlied(text)},
        {"zstd", zstded(text)},
        {"zstd", zstded(text.substr(0, 10)) + zstded(text.substr(10))},
        {"gzip, zstd", zstded(gzipped(text))},
        {"br, deflate, gzip", gzipped(deflated(brotlied(text), 15))},
    };
    for (const auto& [name, body] : bodies) {
        CAPTURE(name);
        for (const std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{1000}, body.size()}) {
            for (const std::size_t room : {std::size_t{1}, std::size_t{64}, std::size_t{32768}}) {
                if (step == 1 && room == 1) continue;
                const Decoded out = decode(name, body, step, room);
                CHECK(out.state == State::good);
                CHECK(out.whole);
                CHECK(out.text == text);
            }
        }
        // Cut anywhere it is not whole.
        for (const std::size_t size : {std::size_t{1}, std::size_t{5}, body.size() / 2, body.size() - 8}) {
            const Decoded cut = decode(name, std::string_view(body).substr(0, size), 4096, 4096);
            CHECK_FALSE((cut.state == State::good && cut.whole));
        }
    }
    for (const char* name : {"gzip", "deflate", "br", "zstd"}) CHECK(decode(name, "", 1, 1).whole);
}

TEST_CASE("content codings: a part that was flushed is there at once") {
    const std::string event = "data: {\"a\":1}\n\n";
    CHECK(decode("gzip", deflated(event, 15 + 16, Z_SYNC_FLUSH), 4096, 4096).text == event);
    CHECK(decode("deflate", deflated(event, -15, Z_SYNC_FLUSH), 4096, 4096).text == event);
}

TEST_CASE("content codings: damage, and what follows the end, is found") {
    const std::string text = sample();
    for (const auto& [name, good] : {std::pair<std::string, std::string>{"gzip", gzipped(text)},
                                     {"deflate", deflated(text, 15)},
                                     {"zstd", zstded(text)}}) {
        CAPTURE(name);
        std::string bad = good;
        bad[bad.size() / 2] = static_cast<char>(bad[bad.size() / 2] ^ 0x55);
        const Decoded out = decode(name, bad, 4096, 4096);
        const bool fooled = out.state == State::good && out.whole && name != "zstd";
        CHECK_FALSE(fooled);  // zstd's check is optional, its structure is not
        const Decoded more = decode(name, good + "x", 4096, 4096);
        CHECK_FALSE((more.state == State::good && more.whole));
        CHECK(decode(name, text, 4096, 4096).state == State::damaged);
    }
    CHECK(decode("br", brotlied(text) + "x", 4096, 4096).state == State::damaged);
    CHECK(decode("gzip", text, 1, 64).state == State::damaged);
}

TEST_CASE("content codings: bombs end at the limit, also those between two codings") {
    const std::string zeros(8 << 20, '\0');
    const std::uint64_t limit = 1 << 20;
    for (const auto& [name, bomb] : {std::pair<std::string, std::string>{"gzip", gzipped(zeros)},
                                     {"deflate", deflated(zeros, 15)},
                                     {"br", brotlied(zeros)},
                                     {"zstd", zstded(zeros)},
                                     {"gzip, gzip", gzipped(gzipped(zeros))}}) {
        CAPTURE(name);
        const Decoded out = decode(name, bomb, 4096, 4096, limit);
        CHECK(out.state == State::too_large);
        CHECK(out.text.size() <= limit);
    }
    // The inner coding is 8 MiB of members that say nothing.
    std::string nothing;
    while (nothing.size() < (8 << 20)) nothing += gzipped("");
    const Decoded out = decode("gzip, gzip", gzipped(nothing), 4096, 4096, limit);
    CHECK(out.state == State::too_large);
    CHECK(out.text.empty());
}

TEST_CASE("content codings: a zstd window above 8 MiB is refused") {
    const std::string text(20 << 20, 'a');
    CHECK(decode("zstd", zstded(text, 27), 4096, 32768).state == State::damaged);
    CHECK(decode("zstd", zstded(text, 23), 4096, 32768).whole);
}
