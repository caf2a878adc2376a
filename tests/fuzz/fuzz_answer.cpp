// Every dialect's reader on any bytes: no split changes what is read, no number is negative.

#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "core/json/json_scan.hpp"
#include "modules/gateway/answer/answer_reader.hpp"

using namespace lurus;
using namespace lurus::gateway;

namespace {

constexpr std::array targets{
    "/v1/messages",
    "/v1/chat/completions",
    "/v1/responses",
    "/v1beta/models/m:streamGenerateContent?alt=sse",
    "/v1beta/models/m:streamGenerateContent",
    "/v1/images/generations",
    "/v1/audio/transcriptions",
    "/v1/embeddings",
};

void require(bool ok) {
    if (!ok) std::abort();
}

struct Seen {
    Usage usage;
    std::string raw, error_type, error_message;
    bool complete = false, semantic = false;
    int events = 0;
    bool operator==(const Seen&) const = default;
};

Seen read(const Endpoint& endpoint, AnswerFormat format, int status, std::string_view body, std::size_t step) {
    AnswerReader reader(endpoint.answer, format, status);
    Seen seen;
    std::size_t boundaries = 0;
    for (std::size_t at = 0; at < body.size(); at += step) {
        const std::string piece(body.substr(at, step));
        const auto result = reader.feed(piece);
        require(result.terminal == AnswerReader::none || result.terminal < piece.size());
        require(result.semantic || !seen.semantic);
        seen.semantic = result.semantic;
        seen.events += result.events;
        boundaries += reader.at_event_boundary() ? 1 : 0;
    }
    require(boundaries <= body.size());
    reader.finish(true);
    seen.usage = reader.usage();
    seen.raw = reader.usage_raw();
    seen.error_type = reader.error_type();
    seen.error_message = reader.error_message();
    seen.complete = reader.complete();
    return seen;
}

}  // namespace

// The last byte chooses the endpoint, so that plain transcripts are seeds.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view body(reinterpret_cast<const char*>(data), size);
    const unsigned choice = data[size - 1];
    for (std::size_t i = 0; i < targets.size(); ++i) {
        // A transcript ends in a bracket or a line end: all endpoints read it. Any other byte picks one.
        if (choice != '\n' && choice != '}' && choice != ']' && choice % targets.size() != i) continue;
        const Endpoint endpoint = *match_endpoint("POST", targets[i], {}, false).endpoint;
        const bool sse = body.starts_with("data") || body.starts_with("event") || body.starts_with(":");
        const AnswerFormat format =
            answer_format(endpoint.answer, targets[i], sse ? "text/event-stream" : "application/json");
        const int status = choice % 3 == 0 ? 500 : 200;
        const Seen whole = read(endpoint, format, status, body, size);
        if (size <= 1024) require(whole == read(endpoint, format, status, body, 1));
        require(whole == read(endpoint, format, status, body, 1 + data[0] % 29));
        for (const auto& count :
             {whole.usage.input, whole.usage.cache_read, whole.usage.cache_write_5m, whole.usage.cache_write_1h,
              whole.usage.output, whole.usage.reasoning, whole.usage.images, whole.usage.web_searches}) {
            require(!count || *count >= 0);
        }
        if (i == 2) {
            AnswerReader session(endpoint.answer, AnswerFormat::sse, 101);
            session.feed_event(body);
            session.feed_event(body);
            require(!session.usage().input || *session.usage().input >= 0);
            const std::string raw = session.usage_raw();
            require(raw.empty() || raw.front() == '{' || raw.front() == '[');
        }
    }
    return 0;
}
