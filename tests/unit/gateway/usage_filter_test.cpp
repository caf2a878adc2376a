#include "modules/gateway/answer/usage_filter.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>

using namespace lurus::gateway;

namespace {

constexpr std::string_view usage = R"({"id":"c","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":3}})";

std::string event(std::string_view data, std::string_view eol = "\n") {
    return "data: " + std::string(data) + std::string(eol) + std::string(eol);
}

struct Filtered {
    std::string client, reader;
};

// In pieces as `size` says; the views are looked at only when a read's worth of pieces is in.
template <class Size>
Filtered filter(std::string_view stream, Size size, int pieces_a_read) {
    UsageFilter filter;
    Filtered out;
    std::vector<UsageFilter::Part> views;
    const auto take = [&](const std::vector<UsageFilter::Part>& parts) {
        views.insert(views.end(), parts.begin(), parts.end());
    };
    const auto send = [&] {
        for (const auto& part : views) {
            if (part.for_client) out.client += part.bytes;
            out.reader += part.bytes;
        }
        views.clear();
        filter.released();
    };
    int pieces = 0;
    while (!stream.empty()) {
        const std::string_view piece = stream.substr(0, size());
        take(filter.feed(piece));
        stream.remove_prefix(piece.size());
        if (++pieces % pieces_a_read == 0) send();
    }
    take(filter.finish());
    send();
    return out;
}

}  // namespace

TEST_CASE("a chunk without choices that tells the usage is the one that was asked for") {
    CHECK(is_usage_event(event(usage)));
    CHECK(is_usage_event(event(R"({ "usage" : {"prompt_tokens":9}, "choices" : [ ] })")));
    CHECK(is_usage_event("id: 7\nevent: message\ndata:" + std::string(usage) + "\n\n"));
    CHECK_FALSE(is_usage_event(event(R"({"choices":[],"usage":null})")));
    CHECK_FALSE(is_usage_event(event(R"({"choices":[{"delta":{}}],"usage":{"prompt_tokens":9}})")));
    CHECK_FALSE(is_usage_event(event(R"({"choices":[],"prompt_filter_results":[]})")));
    CHECK_FALSE(is_usage_event(event(R"({"type":"stats","usage":{"prompt_tokens":9}})")));
    CHECK_FALSE(is_usage_event(event(R"({"choices":[],"usage":{},"error":{"message":"no"}})")));
    CHECK_FALSE(is_usage_event(event(R"({"choices":[{"delta":{"content":"\"usage\":{ \"choices\":[]"}}]})")));
    CHECK_FALSE(is_usage_event(": usage \"usage\":{\n\n"));
    CHECK_FALSE(is_usage_event(event("[DONE]")));
}

TEST_CASE("only that event is taken out, however the stream is split and its lines end") {
    const std::string big(UsageFilter::max_kept * 3, 'x');
    for (const std::string_view eol : {"\n", "\r\n", "\r"}) {
        const std::string head = ": hello" + std::string(eol) + std::string(eol) +
                                 event(R"({"choices":[{"delta":{"content":"a"}}],"usage":null})", eol) +
                                 event("{}", eol) +
                                 event(R"({"choices":[{"delta":{"content":")" + big + R"("}}]})", eol) +
                                 event(R"({"choices":[{"delta":{},"finish_reason":"stop"}]})", eol);
        const std::string tail = event("[DONE]", eol) + "data: unfinished";
        const std::string stream = head + event(usage, eol) + tail;
        std::mt19937 random(7);
        for (int round = 0; round < 12; ++round) {
            const std::size_t most = round == 0 ? stream.size() : round % 3 == 0 ? 5 : round % 3 == 1 ? 400 : 20'000;
            std::uniform_int_distribution<std::size_t> sizes(1, most);
            const auto size = [&] { return round == 0 ? most : sizes(random); };
            const Filtered got = filter(stream, size, 1 + round % 4);
            CHECK(got.client == head + tail);
            CHECK(got.reader == stream);
        }
    }
}

TEST_CASE("usage at the very end, without a blank line behind it") {
    const auto all = [] { return std::size_t{1000}; };
    CHECK(filter("data: 1\n\ndata: " + std::string(usage), all, 1).client == "data: 1\n\n");
    CHECK(filter("data: 1\n\ndata: " + std::string(usage) + "\n", all, 1).client == "data: 1\n\n");
}
