#pragma once
// Counters of one shard and their Prometheus text. A shard's own thread counts; a scrape merges copies.

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>

#include "lurus/log.hpp"
#include "lurus/record.hpp"

namespace lurus::gateway {

struct TransparentHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view s) const { return std::hash<std::string_view>{}(s); }
};

template <class Value>
using LabelMap = std::unordered_map<std::string, Value, TransparentHash, std::equal_to<>>;

class Metrics {
public:
    static constexpr std::array<double, 14> bucket_seconds = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
                                                              1,     2.5,  5,     10,   30,  60,   300};

    struct Latency {
        std::array<std::uint64_t, bucket_seconds.size() + 1> buckets{};
        std::uint64_t count = 0;
        std::uint64_t sum_us = 0;
    };

    /// Counts one ended request.
    void count(const RequestRecord& record);
    /// Counts an answer that has no record: health checks, refused keys, bad framing.
    void count_local(int status);
    /// Counts a request that a limit refused.
    void count_limited(std::string_view subject, std::string_view limit);
    void merge(const Metrics& other);

    std::int64_t connections = 0;  // open now
    std::int64_t in_flight = 0;    // requests being served now
    std::int64_t upstream_open = 0;
    std::uint64_t connections_total = 0;
    std::uint64_t upstream_connects_total = 0;

    /// The exposition text (version 0.0.4) with the log's own figures.
    [[nodiscard]] std::string prometheus(const LogStatus& log, double uptime_seconds, int shards) const;

private:
    // A client may name any model where a provider takes all of them, so the number of series is capped.
    static constexpr std::size_t max_series = 2000;
    template <class Value>
    Value& series(LabelMap<Value>& map, std::initializer_list<std::string_view> labels, std::size_t free_label);

    LabelMap<std::uint64_t> requests_;    // platform, provider, model, status
    LabelMap<Latency> latency_;           // platform, provider, is_stream
    LabelMap<std::uint64_t> tokens_;      // platform, provider, direction
    LabelMap<std::int64_t> cost_;         // platform, provider, model: nano USD
    LabelMap<std::uint64_t> unpriced_;    // platform, provider, model
    LabelMap<std::uint64_t> attempts_;    // provider, outcome
    LabelMap<std::uint64_t> ends_;        // end
    LabelMap<std::uint64_t> limited_;     // subject, limit
    std::map<int, std::uint64_t> local_;  // by status
    std::string key_;                     // scratch
};

}  // namespace lurus::gateway
