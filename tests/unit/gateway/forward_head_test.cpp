#include "modules/gateway/attempt/forward_head.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "modules/gateway/attempt/coded_body.hpp"

using namespace lurus;
using namespace lurus::gateway;

namespace {

const HeaderSettings default_rules;

std::string upstream(const std::vector<http1::Field>& fields, bool websocket = false,
                     BodyCoding coding = BodyCoding::as_sent, const HeaderRules& rules = default_rules.from_clients) {
    auto provider = std::make_shared<Provider>();
    FamilyEndpoint endpoint;
    endpoint.base = *Url::parse("https://vendor.example/v1");
    provider->endpoints[Family::openai] = endpoint;
    Target target;
    target.provider = provider;
    target.dialect = Dialect::openai_chat;
    http1::RequestHead head;
    head.method = "POST";
    head.target = "/v1/chat/completions";
    head.fields = fields;
    return upstream_head(head, Endpoint(), target, "m", 7, websocket, rules, coding);
}

http1::ResponseHead answer(const std::vector<http1::Field>& fields) {
    http1::ResponseHead head;
    head.status = 200;
    head.reason = "OK";
    head.fields = fields;
    return head;
}

bool has(const std::string& head, std::string_view line) {
    return head.find("\r\n" + std::string(line) + "\r\n") != std::string::npos;
}

}  // namespace

TEST_CASE("forward head: a vendor never gets the console's cookies") {
    const HeaderRules passing(default_drops_from_clients(), {}, {"cookie"});
    const auto sent = [&](std::string_view cookies) {
        return upstream({{"Cookie", cookies}, {"x-last", "1"}}, false, BodyCoding::as_sent, passing);
    };
    CHECK(has(sent("a=b"), "Cookie: a=b"));
    CHECK(has(sent("__Host-lurus_session=lss_1; a=b;c=d ; lurus_oidc=x"), "Cookie: a=b; c=d "));
    CHECK(has(sent("a=b; __Secure-lurus_oidc=x; lurus_session=lss_1"), "Cookie: a=b"));
    CHECK(has(sent("lurus_session_of_mine=1"), "Cookie: lurus_session_of_mine=1"));
    for (const char* only : {"__Host-lurus_session=lss_1", "lurus_session=lss_1;", " ; __Secure-lurus_session=x;"}) {
        CHECK(sent(only).find("ookie") == std::string::npos);
        CHECK(has(sent(only), "x-last: 1"));
    }
}

TEST_CASE("forward head: fields that stay here go to nobody, the others keep their order and case") {
    const std::string out = upstream({{"X-Stainless-Lang", "js"},
                                      {"CF-Connecting-IP", "192.0.2.1"},
                                      {"Cookie", "a=b"},
                                      {"anthropic-beta", "a"},
                                      {"x_forwarded_for", "192.0.2.1"},
                                      {"Content-Encoding", "zstd"},
                                      {"anthropic-beta", "b"}});
    CHECK(out.find("192.0.2.1") == std::string::npos);
    CHECK(out.find("a=b") == std::string::npos);
    CHECK(has(out, "X-Stainless-Lang: js\r\nanthropic-beta: a\r\nContent-Encoding: zstd\r\nanthropic-beta: b"));
    const std::string plain =
        upstream({{"content-encoding", "zstd"}, {"Content-Length", "3"}}, false, BodyCoding::taken_off);
    CHECK(plain.find("zstd") == std::string::npos);
    CHECK(has(plain, "Content-Length: 7"));
}

TEST_CASE("forward head: what is between two hops, and the caller's credential, stays; names like theirs pass") {
    for (const std::string name :
         {"Host", "TE", "Expect", "Upgrade", "Trailer", "API-Key", "X-Api-Key", "Connection", "Keep-Alive",
          "Authorization", "X-Goog-Api-Key", "Proxy-Connection", "Transfer-Encoding", "Proxy-Authenticate",
          "Proxy-Authorization", "X-Lurus-Trace-Id"}) {
        CAPTURE(name);
        const std::string like = name.substr(0, name.size() - 1) + "z", longer = name + "z";
        const std::string out = upstream({{name, "ours"}, {like, "1"}, {longer, "2"}});
        CHECK(out.find("ours") == std::string::npos);
        if (!name.starts_with("X-Lurus-")) CHECK(has(out, like + ": 1\r\n" + longer + ": 2"));
    }
    const std::string named = upstream({{"Connection", "x-mine"}, {"X-Mine", "ours"}, {"x-other", "1"}});
    CHECK(named.find("ours") == std::string::npos);
    CHECK(has(named, "x-other: 1"));
}

TEST_CASE("forward head: an upgrade keeps its handshake and drops what other requests drop") {
    const std::string out = upstream({{"Connection", "Upgrade"},
                                      {"Upgrade", "websocket"},
                                      {"Sec-WebSocket-Key", "k"},
                                      {"Sec-WebSocket-Protocol", "realtime"},
                                      {"Sec-WebSocket-Extensions", "permessage-deflate"},
                                      {"Origin", "https://app.example"},
                                      {"Via", "1.1 x"}},
                                     true);
    for (const char* line :
         {"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: k", "Sec-WebSocket-Protocol: realtime"})
        CHECK(has(out, line));
    for (const char* word : {"deflate", "Origin", "Via"}) CHECK(out.find(word) == std::string::npos);

    const std::string back = switching_head(answer({{"Upgrade", "websocket"},
                                                    {"Connection", "Upgrade"},
                                                    {"Sec-WebSocket-Accept", "a"},
                                                    {"Set-Cookie", "a=b"},
                                                    {"Keep-Alive", "timeout=5"},
                                                    {"x-request-id", "r"}}),
                                            Id(), default_rules.from_vendors);
    CHECK(back.starts_with("HTTP/1.1 101 Switching Protocols\r\n"));
    for (const char* line : {"Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Accept: a", "x-request-id: r"})
        CHECK(has(back, line));
    for (const char* word : {"Set-Cookie", "Keep-Alive"}) CHECK(back.find(word) == std::string::npos);
}

TEST_CASE("forward head: an answer's fields of the vendor's own site stay there; a stream is not to be buffered") {
    std::string out =
        downstream_head(answer({{"Set-Cookie", "a=b"}, {"CF-Ray", "x"}, {"request-id", "r"}, {"Server", "y"}}),
                        Framing::chunked, std::nullopt, true, Id(), {}, default_rules.from_vendors);
    for (const char* word : {"Set-Cookie", "CF-Ray", "Server"}) CHECK(out.find(word) == std::string::npos);
    CHECK(has(out, "request-id: r"));
    ask_for_no_buffering(out);
    CHECK(out.ends_with("\r\nX-Accel-Buffering: no\r\n\r\n"));
    const std::string once = out;
    ask_for_no_buffering(out);
    CHECK(out == once);
    std::string theirs = downstream_head(answer({{"X-ACCEL-Buffering", "yes"}}), Framing::chunked, std::nullopt, true,
                                         Id(), {}, default_rules.from_vendors);
    const std::string before = theirs;
    ask_for_no_buffering(theirs);
    CHECK(theirs == before);
}

TEST_CASE("coded body: which answers are decoded, and what their heads say then") {
    const http1::RequestHead nobody;
    http1::RequestHead takes;
    takes.fields = {{"Accept-Encoding", "gzip, br"}};
    auto head = answer({{"Content-Encoding", "gzip"}, {"content-length", "9"}, {"Content-Type", "application/json"}});
    head.content_length = 9;
    auto copy = head;
    CHECK(take_coding_off(copy, takes, false) == nullptr);
    CHECK(copy.fields.size() == 3);
    CHECK(take_coding_off(copy, nobody, false) != nullptr);
    copy = head;
    CHECK(take_coding_off(copy, takes, true) != nullptr);
    REQUIRE(copy.fields.size() == 1);
    CHECK(copy.fields[0].name == "Content-Type");
    CHECK_FALSE(copy.content_length);
    for (const char* coding : {"identity", "compress", "gzip, exi"}) {
        auto other = answer({{"Content-Encoding", coding}});
        CHECK(take_coding_off(other, nobody, true) == nullptr);
        CHECK(other.fields.size() == 1);
    }
    head.status = 206;
    CHECK(take_coding_off(head, nobody, true) == nullptr);
}
