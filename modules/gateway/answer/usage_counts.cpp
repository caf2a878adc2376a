#include "modules/gateway/answer/usage_counts.hpp"

#include <algorithm>
#include <limits>

namespace lurus::gateway {

std::int64_t add(std::int64_t a, std::int64_t b) {
    return a > std::numeric_limits<std::int64_t>::max() - b ? std::numeric_limits<std::int64_t>::max() : a + b;
}

Count plus(Count a, Count b) {
    if (!a) return b;
    return b ? Count(add(*a, *b)) : a;
}

Count minus(Count whole, Count part) {
    if (!whole || !part) return whole;
    return std::max<std::int64_t>(0, *whole - *part);
}

Usage sum(const Usage& a, const Usage& b) {
    Usage out;
    out.input = plus(a.input, b.input);
    out.cache_read = plus(a.cache_read, b.cache_read);
    out.cache_write_5m = plus(a.cache_write_5m, b.cache_write_5m);
    out.cache_write_1h = plus(a.cache_write_1h, b.cache_write_1h);
    out.output = plus(a.output, b.output);
    out.reasoning = plus(a.reasoning, b.reasoning);
    out.audio_input = plus(a.audio_input, b.audio_input);
    out.audio_output = plus(a.audio_output, b.audio_output);
    out.images = plus(a.images, b.images);
    out.web_searches = plus(a.web_searches, b.web_searches);
    out.image_input = plus(a.image_input, b.image_input);
    out.image_output = plus(a.image_output, b.image_output);
    out.audio_seconds = plus(a.audio_seconds, b.audio_seconds);
    out.unbilled_input = plus(a.unbilled_input, b.unbilled_input);
    out.service_tier = b.service_tier.empty() ? a.service_tier : b.service_tier;
    out.estimated = a.estimated || b.estimated;
    return out;
}

std::string served(std::string_view tier, std::initializer_list<std::string_view> more) {
    std::string out(tier);
    for (const std::string_view one : more) {
        if (one.empty() || one == "standard" || one == "global" || one == "not_available" || one == tier) continue;
        if (out == "standard" && one == "fast") out.clear();
        if (!out.empty()) out += '+';
        out += one;
    }
    return out;
}

}  // namespace lurus::gateway
