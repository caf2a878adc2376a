#include "tests/golden/replay.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <functional>
#include <random>
#include <sstream>

namespace golden {

using lurus::gateway::AnswerReader;
using lurus::gateway::Endpoint;

namespace {

Seen run(const Case& one, const std::function<std::size_t(std::size_t left)>& next) {
    const auto match = lurus::gateway::match_endpoint(one.method, one.target, {}, false);
    REQUIRE_MESSAGE(match.endpoint.has_value(), one.target);
    const auto format = lurus::gateway::answer_format(match.endpoint->answer, one.target, one.content_type);
    AnswerReader reader(match.endpoint->answer, format, one.status);
    Seen seen;
    std::size_t at = 0;
    while (at < one.body.size()) {
        // A copy of its own, so that a sanitizer sees reads beyond the piece and views that outlive it.
        const std::string piece = one.body.substr(at, next(one.body.size() - at));
        const auto step = reader.feed(piece);
        seen.events += step.events;
        if (step.terminal != AnswerReader::none) {
            CHECK(seen.terminal == AnswerReader::none);
            CHECK(step.terminal < piece.size());
            seen.terminal = at + step.terminal;
        }
        CHECK((step.semantic || !seen.semantic));  // never taken back
        at += piece.size();
        if (step.semantic && !seen.semantic) seen.committed = at;
        seen.semantic = step.semantic;
    }
    reader.finish(true);
    seen.usage = reader.usage();
    seen.raw = reader.usage_raw();
    seen.error_type = reader.error_type();
    seen.error_message = reader.error_message();
    seen.complete = reader.complete();
    return seen;
}

void check_same(const Seen& a, const Seen& b) {
    CHECK(usage_json(a.usage) == usage_json(b.usage));
    CHECK(a.raw == b.raw);
    CHECK(a.error_type == b.error_type);
    CHECK(a.error_message == b.error_message);
    CHECK(a.complete == b.complete);
    CHECK(a.semantic == b.semantic);
    CHECK(a.events == b.events);
    CHECK((a.terminal == AnswerReader::none) == (b.terminal == AnswerReader::none));
}

}  // namespace

Tally& tally() {
    static Tally counts;
    return counts;
}

std::string read_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    REQUIRE_MESSAGE(in.good(), path);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

nlohmann::json usage_json(const lurus::Usage& u) {
    nlohmann::json out;
    auto put = [&](const char* key, const std::optional<std::int64_t>& value) {
        out[key] = value ? nlohmann::json(*value) : nlohmann::json();
    };
    put("input", u.input);
    put("cache_read", u.cache_read);
    put("cache_write_5m", u.cache_write_5m);
    put("cache_write_1h", u.cache_write_1h);
    put("output", u.output);
    put("reasoning", u.reasoning);
    put("audio_input", u.audio_input);
    put("audio_output", u.audio_output);
    put("images", u.images);
    put("web_searches", u.web_searches);
    out["service_tier"] = u.service_tier.empty() ? nlohmann::json() : nlohmann::json(u.service_tier);
    return out;
}

Seen replay(const Case& one) {
    CAPTURE(one.name);
    const Seen whole = run(one, [](std::size_t left) { return left; });
    Seen bytes = run(one, [](std::size_t) { return std::size_t{1}; });
    check_same(whole, bytes);
    std::mt19937 random(static_cast<unsigned>(one.body.size()));
    for (int i = 0; i < 8; ++i) {
        const std::size_t most = std::size_t{2} << (random() % 12);
        check_same(whole, run(one, [&](std::size_t) { return 1 + random() % most; }));
    }
    bytes.terminal = whole.terminal;
    return bytes;
}

}  // namespace golden
