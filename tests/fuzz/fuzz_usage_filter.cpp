// Any split of a stream takes the same events out, and all other bytes pass.

#include <cstdint>
#include <cstdlib>
#include <string>

#include "modules/gateway/answer/usage_filter.hpp"

using namespace lurus::gateway;

namespace {

struct Seen {
    std::string client, all;
};

Seen filter(std::string_view stream, std::size_t step) {
    UsageFilter filter;
    Seen seen;
    const auto take = [&](const std::vector<UsageFilter::Part>& parts) {
        for (const auto& part : parts) {
            seen.all += part.bytes;
            if (part.for_client) seen.client += part.bytes;
        }
        filter.released();
    };
    for (std::size_t at = 0; at < stream.size(); at += step) {
        const std::string piece(stream.substr(at, step));
        take(filter.feed(piece));
    }
    take(filter.finish());
    return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    // What is longer than an event that is kept may be split, and then passes in parts.
    if (size > UsageFilter::max_kept) return 0;
    const std::string_view stream(reinterpret_cast<const char*>(data), size);
    const Seen whole = filter(stream, size + 1);
    if (whole.all != stream) std::abort();
    for (const std::size_t step : {std::size_t{1}, std::size_t{1} + (size > 0 ? data[0] % 13 : 0)}) {
        const Seen parts = filter(stream, step);
        if (parts.all != stream || parts.client != whole.client) std::abort();
    }
    return 0;
}
