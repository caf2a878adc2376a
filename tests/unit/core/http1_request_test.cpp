#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "core/http/http1.hpp"

namespace {

using namespace lurus::http1;
using State = HeadResult::State;
constexpr std::size_t limit = 65536;

const std::string ordinary =
    "POST /v1/messages?beta=true HTTP/1.1\r\n"
    "Host: 127.0.0.1:18100\r\n"
    "X-Api-Key:  cr_0123 \t\r\n"
    "anthropic-beta: a,b\r\n"
    "session_id: 7\r\n"
    "x-empty:\r\n"
    "Content-Length: 12\r\n"
    "\r\n";

struct Parsed {
    RequestHead head;
    HeadResult result;
};

/// Parses a copy that ends exactly where the input does, so that a read past the end is seen by the address sanitizer.
Parsed parse(const std::vector<char>& bytes, std::size_t max_bytes = limit) {
    Parsed out;
    out.result = parse_request_head({bytes.data(), bytes.size()}, max_bytes, out.head);
    return out;
}
std::vector<char> exact(std::string_view text) {
    return {text.begin(), text.end()};
}

/// Shows that every shorter input asks for more or is refused, never taken; and that a refusal is final.
void check_every_prefix(const std::string& text, State whole) {
    bool refused = false;
    for (std::size_t n = 0; n < text.size(); ++n) {
        CAPTURE(n);
        const std::vector<char> bytes = exact(std::string_view(text).substr(0, n));
        const State state = parse(bytes).result.state;
        CHECK(state != State::complete);
        if (refused) CHECK(state == State::bad);
        refused = state == State::bad;
    }
    if (whole == State::complete) CHECK_FALSE(refused);
}

TEST_CASE("http1 request: an ordinary head") {
    const std::vector<char> bytes = exact(ordinary + "BODY");
    const auto [head, result] = parse(bytes);
    REQUIRE(result.state == State::complete);
    CHECK(result.consumed == ordinary.size());
    CHECK(head.method == "POST");
    CHECK(head.target == "/v1/messages?beta=true");
    CHECK(head.host == "127.0.0.1:18100");
    CHECK(head.minor_version == 1);
    CHECK(head.keep_alive);
    CHECK_FALSE(head.chunked);
    CHECK(head.content_length == 12);
    CHECK(body_kind(head) == BodyKind::length);
    REQUIRE(head.fields.size() == 6);
    CHECK(head.fields[1].name == "X-Api-Key");
    CHECK(head.fields[1].value == "cr_0123");
    CHECK(head.value("x-API-key") == "cr_0123");
    CHECK(head.find("x-empty") != nullptr);
    CHECK(head.value("x-empty").empty());
    CHECK(head.find("absent") == nullptr);
    CHECK(head.value("session_id") == "7");
    check_every_prefix(ordinary, State::complete);
}

TEST_CASE("http1 request: a head is reused without remembering the last one") {
    RequestHead head;
    const std::string first =
        "PUT /a HTTP/1.0\r\nHost: h\r\nConnection: keep-alive, upgrade\r\nContent-Length: 3\r\n"
        "Expect: 100-continue\r\nUpgrade: websocket\r\n\r\n";
    REQUIRE(parse_request_head(first, limit, head).state == State::complete);
    const std::string chunked =
        "POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n";
    REQUIRE(parse_request_head(chunked, limit, head).state == State::complete);
    CHECK(head.chunked);
    CHECK(head.expect_continue);
    const std::string second = "GET /b HTTP/1.0\r\n\r\n";
    REQUIRE(parse_request_head(second, limit, head).state == State::complete);
    CHECK(head.fields.empty());
    CHECK(head.minor_version == 0);
    CHECK(head.host.empty());
    CHECK_FALSE(head.keep_alive);
    CHECK_FALSE(head.content_length);
    CHECK_FALSE(head.chunked);
    CHECK_FALSE(head.expect_continue);
    CHECK(head.upgrade.empty());
}

TEST_CASE("http1 request: what may surprise and is taken") {
    const auto taken = [](const std::string& text) {
        CAPTURE(text);
        const std::vector<char> bytes = exact(text);
        const Parsed parsed = parse(bytes);
        REQUIRE_MESSAGE(parsed.result.state == State::complete, parsed.result.why);
        CHECK(parsed.result.consumed == text.size());
        check_every_prefix(text, State::complete);
        return parsed.head.fields.size();
    };
    CHECK(taken("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n") == 1);
    CHECK(taken("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n") == 1);
    CHECK(taken("GET / HTTP/1.1\r\nHost:\r\n\r\n") == 1);
    CHECK(taken("GET / HTTP/1.1\r\nHost: [::1]:18100\r\n\r\n") == 1);
    CHECK(taken("GET /a//b/../c%00?x={\"y\"}|\\ HTTP/1.1\r\nhOST: a\r\n\r\n") == 1);
    CHECK(taken("M-SEARCH! / HTTP/1.1\r\nHost: a\r\n\r\n") == 1);
    CHECK(taken("GET / HTTP/1.1\r\nHost: a\r\nx: caf\xc3\xa9\tb\xff\r\n\r\n") == 2);
    CHECK(taken("GET / HTTP/1.1\r\nHost: a\r\nTRANSFER-encoding: \tChunked \r\n\r\n") == 2);
    CHECK(taken("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0000000000000000000000000000000005\r\n\r\n") == 2);
    CHECK(taken("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551615\r\n\r\n") == 2);
    CHECK(taken("GET / HTTP/1.1\r\nHost: a\r\nx: 1\r\nx: 1\r\n\r\n") == 3);
}

TEST_CASE("http1 request: a target in absolute form is taken as its path") {
    const auto a = exact("GET http://b.example:80/v1/models?x=1 HTTP/1.1\r\nHost: a\r\n\r\n");
    const auto parsed = parse(a);
    REQUIRE(parsed.result.state == State::complete);
    CHECK(parsed.head.target == "/v1/models?x=1");
    CHECK(parsed.head.host == "b.example:80");
    for (const char* text :
         {"GET HTTPS://b HTTP/1.1\r\nHost: a\r\n\r\n", "GET http://[::1]:8/ HTTP/1.1\r\nHost: a\r\n\r\n"}) {
        const auto bytes = exact(text);
        const auto root = parse(bytes);
        REQUIRE(root.result.state == State::complete);
        CHECK(root.head.target == "/");
        CHECK(root.head.target.data() > bytes.data());
        CHECK(root.head.target.data() < bytes.data() + bytes.size());
    }
}

TEST_CASE("http1 request: Connection, Upgrade and Expect") {
    const auto head_of = [](const std::string& version, const std::string& fields) {
        static std::string text;
        text = "GET / HTTP/" + version + "\r\nHost: a\r\n" + fields + "\r\n";
        RequestHead head;
        REQUIRE(parse_request_head(text, limit, head).state == State::complete);
        return head;
    };
    CHECK(head_of("1.1", "").keep_alive);
    CHECK_FALSE(head_of("1.1", "Connection: Close\r\n").keep_alive);
    CHECK_FALSE(head_of("1.1", "Connection: x, close ,keep-alive\r\n").keep_alive);
    CHECK_FALSE(head_of("1.1", "Connection: keep-alive\r\nConnection: close\r\n").keep_alive);
    CHECK_FALSE(head_of("1.0", "").keep_alive);
    CHECK(head_of("1.0", "Connection: Keep-Alive\r\n").keep_alive);
    CHECK(head_of("1.1", "Connection: Upgrade\r\nUpgrade: websocket\r\n").upgrade == "websocket");
    CHECK(head_of("1.1", "Upgrade: websocket\r\nConnection: keep-alive, upgrade\r\n").upgrade == "websocket");
    CHECK(head_of("1.1", "Upgrade: websocket\r\n").upgrade.empty());
    CHECK(head_of("1.0", "Connection: upgrade\r\nUpgrade: websocket\r\n").upgrade.empty());
    CHECK(head_of("1.1", "Expect: 100-Continue\r\n").expect_continue);
    CHECK_FALSE(head_of("1.0", "Expect: 100-continue\r\n").expect_continue);
    CHECK_FALSE(head_of("1.1", "Expect: tea\r\n").expect_continue);
    const RequestHead listed = head_of("1.1", "Connection: ,X-Secret ,, te\r\nConnection: trailer\r\n");
    CHECK(listed.connection_lists("x-secret"));
    CHECK(listed.connection_lists("TE"));
    CHECK(listed.connection_lists("trailer"));
    CHECK_FALSE(listed.connection_lists("x"));
    CHECK_FALSE(listed.connection_lists(""));
}

TEST_CASE("http1 request: every smuggling shape is refused") {
    struct Bad {
        const char* name;
        std::string text;
        int status;
    };
    const std::string line = "POST / HTTP/1.1\r\n";
    const std::string start = line + "Host: a\r\n";
    const std::string nul(1, '\0');
    const std::vector<Bad> table = {
        {"TE and CL", start + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n", 400},
        {"CL and TE", start + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {"CL.0 and TE", start + "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {"two CLs", start + "Content-Length: 4\r\nContent-Length: 5\r\n\r\n", 400},
        {"two equal CLs", start + "Content-Length: 4\r\ncontent-length: 4\r\n\r\n", 400},
        {"CL list", start + "Content-Length: 4, 4\r\n\r\n", 400},
        {"CL empty", start + "Content-Length:\r\n\r\n", 400},
        {"CL plus", start + "Content-Length: +4\r\n\r\n", 400},
        {"CL minus", start + "Content-Length: -4\r\n\r\n", 400},
        {"CL hex", start + "Content-Length: 0x4\r\n\r\n", 400},
        {"CL inner space", start + "Content-Length: 1 2\r\n\r\n", 400},
        {"CL decimal", start + "Content-Length: 4.0\r\n\r\n", 400},
        {"CL unicode digit", start + "Content-Length: \xef\xbc\x94\r\n\r\n", 400},
        {"CL 2^64", start + "Content-Length: 18446744073709551616\r\n\r\n", 400},
        {"CL vast", start + "Content-Length: 99999999999999999999999999\r\n\r\n", 400},
        {"chunked, gzip", start + "Transfer-Encoding: chunked, gzip\r\n\r\n", 400},
        {"gzip, chunked", start + "Transfer-Encoding: gzip, chunked\r\n\r\n", 501},
        {"gzip", start + "Transfer-Encoding: gzip\r\n\r\n", 400},
        {"identity", start + "Transfer-Encoding: identity\r\n\r\n", 400},
        {"TE empty", start + "Transfer-Encoding:\r\n\r\n", 400},
        {"xchunked", start + "Transfer-Encoding: xchunked\r\n\r\n", 400},
        {"chunked;q", start + "Transfer-Encoding: chunked;q=1\r\n\r\n", 400},
        {"quoted chunked", start + "Transfer-Encoding: \"chunked\"\r\n\r\n", 400},
        {"chunked twice in one", start + "Transfer-Encoding: chunked, chunked\r\n\r\n", 400},
        {"trailing comma", start + "Transfer-Encoding: chunked,\r\n\r\n", 501},
        {"two TEs", start + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {"two TEs, one unknown", start + "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n", 400},
        {"TE vertical tab", start + "Transfer-Encoding: \vchunked\r\n\r\n", 400},
        {"TE NUL", start + "Transfer-Encoding: chunked" + nul + "\r\n\r\n", 400},
        {"TE folded", start + "Transfer-Encoding:\r\n chunked\r\n\r\n", 400},
        {"TE space before colon", start + "Transfer-Encoding : chunked\r\n\r\n", 400},
        {"TE tab before colon", start + "Transfer-Encoding\t: chunked\r\n\r\n", 400},
        {"TE space before name", start + " Transfer-Encoding: chunked\r\n\r\n", 400},
        {"TE behind a bare LF", start + "x: y\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {"TE behind a bare CR", start + "x: y\rTransfer-Encoding: chunked\r\n\r\n", 400},
        {"TE in 1.0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {"no Host", line + "\r\n", 400},
        {"two Hosts", start + "Host: b\r\n\r\n", 400},
        {"two equal Hosts", start + "host: a\r\n\r\n", 400},
        {"two Hosts in 1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", 400},
        {"Host with a space", line + "Host: a b\r\n\r\n", 400},
        {"Host with a path", line + "Host: a/b\r\n\r\n", 400},
        {"Host with a user", line + "Host: u@b\r\n\r\n", 400},
        {"Host list", line + "Host: a,b\r\n\r\n", 400},
        {"folded first line", line + " Host: a\r\n\r\n", 400},
        {"folded", start + "x: y\r\n\tz\r\n\r\n", 400},
        {"blank line of a space", start + " \r\n\r\n", 400},
        {"no colon", start + "x\r\n\r\n", 400},
        {"no name", start + ": y\r\n\r\n", 400},
        {"NUL in a name", start + "x" + nul + ": y\r\n\r\n", 400},
        {"NUL in a value", start + "x: y" + nul + "z\r\n\r\n", 400},
        {"DEL in a value", start + "x: y\x7fz\r\n\r\n", 400},
        {"ESC far in a value", start + "x: 0123456789012345678901234567890\x1b\r\n\r\n", 400},
        {"high byte in a name", start + "x\xc3\xa9: y\r\n\r\n", 400},
        {"bare LF ends a field", start + "x: y\n\r\n", 400},
        {"bare LF ends the head", start + "\n", 400},
        {"bare LF ends the request line", "GET / HTTP/1.1\nHost: a\n\n", 400},
        {"CR CR LF", start + "x: y\r\r\n\r\n", 400},
        {"CR before the head's end", start + "\r\r\n", 400},
        {"leading LF", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"leading CR", "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"leading space", " GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"two spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"two spaces before the version", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"tab", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"space after the version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400},
        {"method", "G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"TLS", "\x16\x03\x01\x02", 400},
        {"absolute target of another scheme", "GET ftp://b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"absolute target without a host", "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"absolute target with a user", "GET http://u@b/x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"absolute target without a path", "GET http://b?x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"authority target", "CONNECT b:443 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"asterisk of GET", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"fragment", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"high byte in the target", "GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"NUL in the target", "GET /" + nul + " HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"HTTP/0.9", "GET /\r\n", 400},
        {"lower-case version", "GET / http/1.1\r\nHost: a\r\n\r\n", 400},
        {"version with a plus", "GET / HTTP/+1.1\r\nHost: a\r\n\r\n", 400},
        {"version 1.10", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", 400},
        {"HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505},
        {"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400},
        {"HTTP/2 with a path", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
    };
    for (const Bad& bad : table) {
        CAPTURE(bad.name);
        const std::vector<char> bytes = exact(bad.text);
        const HeadResult result = parse(bytes).result;
        REQUIRE(result.state == State::bad);
        CHECK(result.status == bad.status);
        REQUIRE(result.why != nullptr);
        CHECK(std::string_view(result.why).size() > 8);
        check_every_prefix(bad.text, State::bad);
    }
}

TEST_CASE("http1 request: limits") {
    const std::string endless = "GET / HTTP/1.1\r\nHost: a\r\nx: " + std::string(5000, 'y');
    CHECK(parse(exact(endless), 8192).result.state == State::need_more);
    CHECK(parse(exact(endless), 4096).result.state == State::bad);
    CHECK(parse(exact(endless), 4096).result.status == 431);
    CHECK(parse(exact(std::string(4096, '/')), 4096).result.status == 400);
    CHECK(parse(exact("GET /" + std::string(4096, 'a')), 4096).result.status == 431);
    std::string newlines;
    for (int i = 0; i < 3000; ++i) newlines += "\r\n";
    CHECK(parse(exact(newlines), 4096).result.status == 431);

    const std::size_t exactly = ordinary.size();
    CHECK(parse(exact(ordinary), exactly).result.state == State::complete);
    CHECK(parse(exact(ordinary), exactly - 1).result.status == 431);

    const auto with_fields = [](int n) {
        std::string text = "GET / HTTP/1.1\r\nHost: a\r\n";
        for (int i = 1; i < n; ++i) text += "x: y\r\n";
        return text + "\r\n";
    };
    CHECK(parse(exact(with_fields(256))).head.fields.size() == 256);
    CHECK(parse(exact(with_fields(256))).result.state == State::complete);
    CHECK(parse(exact(with_fields(257))).result.state == State::bad);
    CHECK(parse(exact(with_fields(257))).result.status == 431);
}

}  // namespace
