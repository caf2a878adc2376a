#pragma once
// What one answer consumed, in disjoint classes, whatever the vendor's own arithmetic.

#include <cstdint>
#include <optional>
#include <string>

namespace lurus {

/// Token counts. Empty = the vendor did not say (unknown, not zero). Never negative.
/// input + cache_read + cache_write_5m + cache_write_1h = everything the model read; `output` includes `reasoning`.
struct Usage {
    std::optional<std::int64_t> input;  // fresh input only
    std::optional<std::int64_t> cache_read;
    std::optional<std::int64_t> cache_write_5m;
    std::optional<std::int64_t> cache_write_1h;
    std::optional<std::int64_t> output;
    std::optional<std::int64_t> reasoning;     // a part of output
    std::optional<std::int64_t> audio_input;   // a part of input
    std::optional<std::int64_t> audio_output;  // a part of output
    std::optional<std::int64_t> images;        // pictures made
    std::optional<std::int64_t> web_searches;  // server-side searches
    std::optional<std::int64_t> image_input;   // a part of input, in tokens
    std::optional<std::int64_t> image_output;  // a part of output, in tokens
    std::string service_tier;  // as the vendor says it: standard, batch, flex, priority ...; empty = not said
    bool estimated = false;    // true when a number here was not the vendor's

    [[nodiscard]] bool known() const {
        return input || cache_read || cache_write_5m || cache_write_1h || output || images;
    }
    bool operator==(const Usage&) const = default;
};

}  // namespace lurus
