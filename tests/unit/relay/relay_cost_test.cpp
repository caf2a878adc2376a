// What the relay may allocate and keep. Counts, not times: they are the same on every machine.

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <vector>

#include "tests/unit/relay/counting.hpp"
#include "tests/unit/relay/rig.hpp"

namespace lurus::test {
namespace {

constexpr std::string_view stream_head =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

std::string chunk(std::string_view data) {
    char size[24];
    std::snprintf(size, sizeof size, "%zx\r\n", data.size());
    return size + std::string(data) + "\r\n";
}

std::string json_answer() {
    const std::string body =
        R"({"id":"c","object":"chat.completion","created":1760000000,"model":"gpt-5","choices":[{"index":0,"message":)"
        R"({"role":"assistant","content":"All is well."},"finish_reason":"stop"}],"usage":{"prompt_tokens":120,)"
        R"("completion_tokens":64,"total_tokens":184,"prompt_tokens_details":{"cached_tokens":20}}})";
    return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + body;
}

struct Stream {
    const char* name;
    Family family;
    const char* path;
    const char* model;
    const char* event;
};

constexpr Stream streams[] = {
    {"chat.completions", Family::openai, "/v1/chat/completions", "gpt-5",
     R"(data: {"id":"c","object":"chat.completion.chunk","created":1760000000,"model":"gpt-5","choices":[{"index":0,)"
     R"("delta":{"content":" word and a few more"},"finish_reason":null}]})"
     "\n\n"},
    {"responses", Family::openai, "/v1/responses", "gpt-5",
     "event: response.output_text.delta\n"
     R"(data: {"type":"response.output_text.delta","sequence_number":7,"item_id":"msg_1","output_index":0,)"
     R"("content_index":0,"delta":" word and a few more"})"
     "\n\n"},
    {"messages", Family::anthropic, "/v1/messages", "claude-sonnet-5",
     "event: content_block_delta\n"
     R"(data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" word and a few more"}})"
     "\n\n"},
    {"streamGenerateContent", Family::gemini, "/v1beta/models/gemini-3:streamGenerateContent?alt=sse", "gemini-3",
     R"(data: {"candidates":[{"content":{"parts":[{"text":" word and a few more"}],"role":"model"},"index":0}],)"
     R"("usageMetadata":{"promptTokenCount":120,"candidatesTokenCount":17,"totalTokenCount":137},)"
     R"("modelVersion":"gemini-3"})"
     "\n\n"},
};

TEST_CASE("an event of a running stream allocates nothing") {
    if (!counting::possible) return;
    counting::leave_out_this_thread();
    for (const Stream& stream : streams) {
        CAPTURE(stream.name);
        const Rig rig(stream.family);
        const Wire client = rig.connect();
        client.send(Rig::request(stream.path, stream.model, true));
        const Wire vendor = rig.accept();
        (void)vendor.receive_until("}");
        vendor.send(stream_head);
        const std::string event = chunk(stream.event);
        const auto pass = [&](int events) {
            for (int i = 0; i < events; ++i) {
                vendor.send(event);
                (void)client.receive_until("\n\n\r\n");
            }
        };
        pass(50);
        // The shard's tick allocates, ten times a second, so one of a few passes has to be without; an event that
        // allocates does so in each of them.
        std::uint64_t least = 500;
        for (int i = 0; i < 10 && least > 0; ++i) {
            const std::uint64_t before = counting::allocations();
            pass(500);
            least = std::min(least, counting::allocations() - before);
        }
        CHECK(least == 0);
    }
}

TEST_CASE("a JSON request on kept-alive connections allocates a few times") {
    if (!counting::possible) return;
    counting::leave_out_this_thread();
    const Rig rig(Family::openai);
    const Wire client = rig.connect();
    const std::string request = Rig::request("/v1/chat/completions", "gpt-5", false);
    const std::string answer = json_answer();
    client.send(request);
    const Wire vendor = rig.accept();
    const auto serve = [&] {
        (void)vendor.receive_until("}");
        vendor.send(answer);
        (void)client.receive_until("}}}");
    };
    serve();
    const auto pass = [&](int requests) {
        for (int i = 0; i < requests; ++i) {
            client.send(request);
            serve();
        }
    };
    pass(50);
    constexpr int requests = 500;
    const std::uint64_t before = counting::allocations();
    pass(requests);
    const double each = static_cast<double>(counting::allocations() - before) / requests;
    MESSAGE("allocations for each JSON request: " << each);
    CHECK(each < 40);
}

TEST_CASE("a large body is kept once, in one buffer") {
    if (!counting::possible) return;
    counting::leave_out_this_thread();
    constexpr std::size_t size = 900'000;
    const Rig rig(Family::openai);
    const Wire client = rig.connect();
    const std::string small = Rig::request("/v1/chat/completions", "gpt-5", false);
    const std::string large = Rig::request("/v1/chat/completions", "gpt-5", false, size);
    const std::string answer = json_answer();
    client.send(small);
    const Wire vendor = rig.accept();
    const auto serve = [&] {
        (void)vendor.receive_until("}");
        vendor.send(answer);
        (void)client.receive_until("}}}");
    };
    serve();
    const std::uint64_t before = counting::allocated_bytes();
    client.send(large);
    serve();
    const std::uint64_t bytes = counting::allocated_bytes() - before;
    CHECK(bytes > large.size());
    CHECK(bytes < large.size() + 32 * 1024);
}

TEST_CASE("an open stream holds less than 8 KiB") {
    if (!counting::possible) return;
    constexpr std::size_t count = 200;
    const Rig rig(Family::anthropic);
    const std::string request = Rig::request("/v1/messages", "claude-sonnet-5", true);
    const std::string first = std::string(stream_head) + chunk(streams[2].event);
    std::vector<Wire> wires;
    wires.reserve(4 * count);
    const auto open = [&](std::size_t streams_wanted) {
        for (std::size_t i = 0; i < streams_wanted; ++i) {
            Wire client = rig.connect();
            client.send(request);
            Wire vendor = rig.accept();
            (void)vendor.receive_until("}");
            vendor.send(first);
            (void)client.receive_until("\n\n\r\n");
            wires.push_back(std::move(client));
            wires.push_back(std::move(vendor));
        }
    };
    open(20);  // what the first ones make for all
    const std::uint64_t before = counting::bytes_in_use();
    open(count);
    const double each = static_cast<double>(counting::bytes_in_use() - before) / count;
    MESSAGE("bytes held for each open stream: " << each);
    CHECK(each < 8 * 1024);
}

}  // namespace
}  // namespace lurus::test
