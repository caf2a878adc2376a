#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "core/http/http1.hpp"

namespace http1_response_test {

namespace {

using namespace lurus::http1;
using State = HeadResult::State;
constexpr std::size_t limit = 65536;

struct Parsed {
    ResponseHead head;
    HeadResult result;
};
Parsed parse(const std::vector<char>& bytes, std::size_t max_bytes = limit) {
    Parsed out;
    out.result = parse_response_head({bytes.data(), bytes.size()}, max_bytes, out.head);
    return out;
}
std::vector<char> exact(std::string_view text) {
    return {text.begin(), text.end()};
}

TEST_CASE("http1 response: an ordinary head") {
    const std::string text =
        "HTTP/1.1 429 Too Many Requests\r\nretry-after: 7\r\nTransfer-Encoding: chunked\r\nconnection: close\r\n\r\n";
    const std::vector<char> bytes = exact(text + "0\r\n\r\n");
    const auto [head, result] = parse(bytes);
    REQUIRE(result.state == State::complete);
    CHECK(result.consumed == text.size());
    CHECK(head.status == 429);
    CHECK(head.reason == "Too Many Requests");
    CHECK(head.value("Retry-After") == "7");
    CHECK(head.chunked);
    CHECK_FALSE(head.keep_alive);
    for (std::size_t n = 0; n < text.size(); ++n) {
        CAPTURE(n);
        CHECK(parse(exact(text.substr(0, n))).result.state == State::need_more);
    }
}

TEST_CASE("http1 response: status lines") {
    const auto status_of = [](const std::string& line) {
        const std::vector<char> bytes = exact(line + "\r\n\r\n");
        const Parsed parsed = parse(bytes);
        CAPTURE(line);
        return parsed.result.state == State::complete ? parsed.head.status : 0;
    };
    CHECK(status_of("HTTP/1.1 200 OK") == 200);
    CHECK(status_of("HTTP/1.0 200 OK") == 200);
    CHECK(status_of("HTTP/1.1 200 ") == 200);
    CHECK(status_of("HTTP/1.1 200") == 200);
    CHECK(status_of("HTTP/1.1 100 Continue") == 100);
    CHECK(status_of("HTTP/1.1 529 overloaded") == 529);
    CHECK(status_of("HTTP/1.1 999 \xe2\x98\x83") == 999);
    CHECK(status_of("HTTP/1.1 099 x") == 0);
    CHECK(status_of("HTTP/1.1 20 OK") == 0);
    CHECK(status_of("HTTP/1.1 2000 OK") == 0);
    CHECK(status_of("HTTP/1.1 2x0 OK") == 0);
    CHECK(status_of("HTTP/1.1  200 OK") == 0);
    CHECK(status_of("HTTP/1.1 200\tOK") == 0);
    CHECK(status_of("HTTP/1.1 200 O\x01K") == 0);
    CHECK(status_of("HTTP/1.2 200 OK") == 0);
    CHECK(status_of("HTTP/2 200 OK") == 0);
    CHECK(status_of("ICY 200 OK") == 0);
    CHECK(status_of("\r\nHTTP/1.1 200 OK") == 0);
    CHECK(status_of("<html>") == 0);
    CHECK(parse(exact("SSH-2.0-x")).result.state == State::bad);
}

TEST_CASE("http1 response: framing that is refused is a bad gateway") {
    const std::string ok = "HTTP/1.1 200 OK\r\n";
    const std::vector<std::string> table = {
        ok + "Content-Length: 4\r\nContent-Length: 4\r\n\r\n",
        ok + "Content-Length: 4\r\nContent-Length: 5\r\n\r\n",
        ok + "Content-Length: 4, 4\r\n\r\n",
        ok + "Content-Length: -1\r\n\r\n",
        ok + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n",
        ok + "Transfer-Encoding: chunked, gzip\r\n\r\n",
        ok + "Transfer-Encoding: gzip, chunked\r\n\r\n",
        ok + "Transfer-Encoding: identity\r\n\r\n",
        ok + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        ok + "a: b\r\n c\r\n\r\n",
        ok + "a : b\r\n\r\n",
        ok + "a: b\nc: d\r\n\r\n",
        ok + "a: b\rc: d\r\n\r\n",
        "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    };
    for (const std::string& text : table) {
        CAPTURE(text);
        const HeadResult result = parse(exact(text)).result;
        REQUIRE(result.state == State::bad);
        CHECK(result.status == 502);
        CHECK(result.why != nullptr);
    }
    const HeadResult large = parse(exact(ok + "a: " + std::string(9000, 'b')), 8192).result;
    CHECK(large.state == State::bad);
    CHECK(large.status == 502);
}

TEST_CASE("http1 response: how the body ends") {
    const auto kind = [](const std::string& text, std::string_view method) {
        const std::vector<char> bytes = exact(text + "\r\n");
        const Parsed parsed = parse(bytes);
        REQUIRE(parsed.result.state == State::complete);
        return body_kind(parsed.head, method);
    };
    const std::string length = "Content-Length: 4\r\n";
    const std::string chunked = "Transfer-Encoding: chunked\r\n";
    CHECK(kind("HTTP/1.1 200 OK\r\n" + length, "GET") == BodyKind::length);
    CHECK(kind("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n", "GET") == BodyKind::none);
    CHECK(kind("HTTP/1.1 200 OK\r\n" + chunked, "GET") == BodyKind::chunked);
    CHECK(kind("HTTP/1.1 200 OK\r\n", "GET") == BodyKind::until_close);
    for (const std::string& framing : {length, chunked}) {
        CHECK(kind("HTTP/1.1 200 OK\r\n" + framing, "HEAD") == BodyKind::none);
        CHECK(kind("HTTP/1.1 204 x\r\n" + framing, "GET") == BodyKind::none);
        CHECK(kind("HTTP/1.1 304 x\r\n" + framing, "GET") == BodyKind::none);
        CHECK(kind("HTTP/1.1 100 x\r\n" + framing, "GET") == BodyKind::none);
        CHECK(kind("HTTP/1.1 101 x\r\n" + framing, "GET") == BodyKind::none);
    }
}

}  // namespace

}  // namespace http1_response_test
