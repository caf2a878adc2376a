#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

#include "tests/bench/rig.hpp"

namespace bench {

std::int64_t now_ns() {
    timespec t{};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1'000'000'000ll + t.tv_nsec;
}

std::string make_request(Kind kind, std::size_t size, std::string_view key) {
    constexpr std::array models = {"bench-json", "bench-stream", "bench-brief", "bench-hold"};
    const char* model = models[static_cast<std::size_t>(kind)];
    std::string body = std::string(R"({"model":")") + model + R"(","messages":[{"role":"user","content":")";
    const std::string tail =
        std::string(R"("}])") + (kind == Kind::json ? "" : R"(,"stream":true)") + R"(,"max_tokens":64})";
    while (body.size() + tail.size() < size) body += "the quick brown fox jumps over the lazy dog and runs on; ";
    body += tail;
    return "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench/1.0\r\nAccept: "
           "application/json\r\n"
           "Content-Type: application/json\r\nAuthorization: Bearer " +
           std::string(key) + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

const std::string& json_answer_body() {
    static const std::string body = [] {
        std::string text =
            R"({"id":"chatcmpl-bench","object":"chat.completion","created":1760000000,"model":"bench-json","choices":[)"
            R"({"index":0,"message":{"role":"assistant","content":")";
        while (text.size() < 760) text += "All is well that ends well. ";
        return text +
               R"("},"finish_reason":"stop"}],"usage":{"prompt_tokens":120,"completion_tokens":64,"total_tokens":184,)"
               R"("prompt_tokens_details":{"cached_tokens":20}}})";
    }();
    return body;
}

std::string stream_event(int n, std::int64_t stamp_us) {
    char stamp[24];
    std::snprintf(stamp, sizeof stamp, "%016lld", static_cast<long long>(stamp_us));
    const std::string head =
        std::string(R"(data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":)") + stamp +
        R"(,"model":"bench-stream","choices":[)";
    if (n < events_per_stream - 2) {
        return head + R"({"index":0,"delta":{"content":" word)" + std::to_string(1000 + n) +
               R"("},"finish_reason":null}]})" + "\n\n";
    }
    if (n == events_per_stream - 2) {
        return head + R"({"index":0,"delta":{},"finish_reason":"stop"}]})" + "\n\n";
    }
    return head + R"(],"usage":{"prompt_tokens":120,"completion_tokens":48,"total_tokens":168}})" +
           "\n\ndata: [DONE]\n\n";
}

double percentile(std::vector<std::int64_t> values, double p) {
    if (values.empty()) return 0;
    std::ranges::sort(values);
    const auto at = static_cast<std::size_t>(p * static_cast<double>(values.size() - 1) + 0.5);
    return static_cast<double>(values[at]);
}

}  // namespace bench
