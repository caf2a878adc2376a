// How fast a request's body is read: bytes a second of scan_request over bodies of about 1 MB, by the thread's own
// clock.
//   lurus_scan_bench [--rounds N]

#include <time.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "modules/gateway/session/request_scan.hpp"

namespace {

using namespace lurus;
using namespace lurus::gateway;

constexpr std::size_t body_size = 1 << 20;

double thread_cpu_ns() {
    timespec t{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

struct Body {
    const char* name;
    std::string text;
};

/// Messages of `content` until the body has its size.
std::string body_of(const std::string& content) {
    std::string out = R"({"model":"claude-sonnet-5","max_tokens":1024,"messages":[)";
    while (out.size() < body_size) {
        out += R"({"role":"user","content":[{"type":"text","text":")" + content + R"("}]},)";
    }
    out.back() = ']';
    return out + R"(,"stream":true,"metadata":{"user_id":"user_1_account__session_2"}})";
}

std::string repeated(std::string_view text, std::size_t size) {
    std::string out;
    while (out.size() < size) out += text;
    return out;
}

}  // namespace

int main(int argc, char** argv) {
    int rounds = 20;
    CLI::App app{"Measures how fast a request's body is read."};
    app.add_option("--rounds", rounds, "the best of so many")->check(CLI::Range(1, 10'000));
    CLI11_PARSE(app, argc, argv);

    const std::vector<Body> bodies = {
        {"one picture in base64", body_of(repeated("iVBORw0KGgoAAAANSUhEUgAA", body_size))},
        {"prose, 8 KiB a message", body_of(repeated("the quick brown fox jumps over the lazy dog; ", 8192))},
        {"prose, 200 bytes a message", body_of(repeated("the quick brown fox jumps over it; ", 200))},
        {"source code, 8 KiB a message",
         body_of(repeated(R"(    if (a < b) {\n        return \"x\";\n    }\n)", 8192))},
        {"Chinese as \\u escapes", body_of(repeated(R"(\u654f\u6377\u7684\u68d5\u8272\u72d0\u72f8)", 8192))},
        {"Chinese, 8 KiB a message", body_of(repeated("敏捷的棕色狐狸跳过了那只懒狗。", 8192))},
    };
    Endpoint endpoint;
    endpoint.dialect = Dialect::anthropic;
    endpoint.name = "messages";
    endpoint.model_in_body = true;
    for (const Body& body : bodies) {
        double best = 1e18;
        for (int i = 0; i < rounds; ++i) {
            const double before = thread_cpu_ns();
            const RequestFacts facts = scan_request(endpoint, "application/json", body.text);
            best = std::min(best, thread_cpu_ns() - before);
            if (facts.model != "claude-sonnet-5" || !facts.stream || !facts.error.empty() || facts.session.empty()) {
                std::fprintf(stderr, "%s: read wrongly: %s\n", body.name, facts.error.c_str());
                return 1;
            }
        }
        std::printf("%-32s %6.0f us for %.2f MB: %5.2f GB/s\n", body.name, best / 1e3,
                    static_cast<double>(body.text.size()) / 1e6, static_cast<double>(body.text.size()) / best);
    }
    return 0;
}
