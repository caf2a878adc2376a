#pragma once
// What one answer consumed, in disjoint classes, whatever the vendor's own arithmetic.

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

namespace lurus {

struct UsagePart;

/// Token counts. Empty = the vendor did not say (unknown, not zero). Never negative.
/// input + cache_read + cache_write_5m + cache_write_1h = everything the model read; `output` includes `reasoning`.
struct Usage {
    std::optional<std::int64_t> input;  // fresh input only
    std::optional<std::int64_t> cache_read;
    std::optional<std::int64_t> cache_write_5m;
    std::optional<std::int64_t> cache_write_1h;
    std::optional<std::int64_t> output;
    std::optional<std::int64_t> reasoning;       // a part of output
    std::optional<std::int64_t> audio_input;     // a part of input
    std::optional<std::int64_t> audio_output;    // a part of output
    std::optional<std::int64_t> images;          // pictures made
    std::optional<std::int64_t> web_searches;    // server-side searches
    std::optional<std::int64_t> image_input;     // a part of input, in tokens
    std::optional<std::int64_t> image_output;    // a part of output, in tokens
    std::optional<std::int64_t> audio_seconds;   // sound heard, where the vendor counts time; not kept with the record
    std::optional<std::int64_t> unbilled_input;  // a part of input that the vendor does not bill; not kept either
    /// What was served, as the vendor says it: standard, batch, flex, priority ...; with a speed or a region of its own
    /// behind a plus: `fast`, `standard+us`, `batch+us`. Empty = not said.
    std::string service_tier;
    bool estimated = false;  // true when a number here was not the vendor's
    /// Where several runs of models made one answer: each of them, priced by itself. The counts above are their sum,
    /// but without what an advisor read and wrote. Empty = one run. Not kept with the record.
    std::vector<UsagePart> parts;

    [[nodiscard]] bool known() const {
        return input || cache_read || cache_write_5m || cache_write_1h || output || images || audio_seconds;
    }
    friend bool operator==(const Usage&, const Usage&);
};

/// One run of a model.
struct UsagePart {
    std::string model;  // upstream; empty = the one that was asked for
    Usage usage;        // has no parts
    friend bool operator==(const UsagePart& a, const UsagePart& b) { return a.model == b.model && a.usage == b.usage; }
};

// Written out: clang 19 does not end when it is to make that of a type whose parts hold the type.
inline bool operator==(const Usage& a, const Usage& b) {
    const auto all = [](const Usage& of) {
        return std::tie(of.input, of.cache_read, of.cache_write_5m, of.cache_write_1h, of.output, of.reasoning,
                        of.audio_input, of.audio_output, of.images, of.web_searches, of.image_input, of.image_output,
                        of.audio_seconds, of.unbilled_input, of.service_tier, of.estimated, of.parts);
    };
    return all(a) == all(b);
}

}  // namespace lurus
