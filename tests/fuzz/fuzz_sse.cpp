// Any split of a stream gives the same events.

#include <cstdint>
#include <cstdlib>
#include <string>

#include "modules/gateway/answer/sse.hpp"

using namespace lurus::gateway;

namespace {

struct Log final : SseSink {
    std::string text;
    std::size_t piece = 0;
    void on_event(const SseEvent& event) override {
        if (event.begin > piece) std::abort();
        if (event.in_parts && !parts.starts_with(event.data)) std::abort();
        text += std::string(event.name) + "|" + (event.in_parts ? parts : std::string(event.data)) + "\x01";
    }
    std::string parts;
    void on_part(std::string_view data, bool first) override {
        if (first) parts.clear();
        parts += data;
    }
};

std::string read(std::string_view stream, std::size_t step, std::size_t max_event = SseScanner::default_max_event) {
    SseScanner scanner(max_event);
    Log log;
    for (std::size_t at = 0; at < stream.size(); at += step) {
        const std::string piece(stream.substr(at, step));
        log.piece = piece.size();
        scanner.feed(piece, log);
    }
    log.piece = 0;
    scanner.finish(log);
    return log.text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view stream(reinterpret_cast<const char*>(data), size);
    const std::string whole = read(stream, size + 1);
    if (read(stream, 1) != whole) std::abort();
    if (size > 0 && read(stream, 1 + data[0] % 13) != whole) std::abort();
    // Names longer than the limit are not kept; no such name has a meaning.
    if (stream.find("event") == std::string_view::npos && read(stream, 3, 16) != whole) std::abort();
    return 0;
}
