#pragma once
// Counters of one shard and their Prometheus text. A shard's own thread counts; a scrape merges copies.

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/io/tls.hpp"
#include "lurus/record.hpp"
#include "lurus/store/journal.hpp"

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
        void add(const Latency& other);
    };

    /// Counts one ended request.
    void count(const RequestRecord& record);
    /// Counts an answer that has no record: health checks, refused keys, bad framing.
    void count_local(int status);
    /// Counts a request that a limit refused.
    void count_limited(std::string_view subject, std::string_view limit);
    /// Counts a request that was refused before a model was asked. `path` and `reason` are constants.
    void count_refused(std::string_view path, std::string_view reason, bool recorded);
    void count_handshake_failure(HandshakeFailure why) { ++handshake_failures_[static_cast<std::size_t>(why)]; }
    void merge(const Metrics& other);

    std::int64_t connections = 0;  // open now
    std::int64_t in_flight = 0;    // requests being served now
    std::int64_t upstream_open = 0;
    std::uint64_t connections_total = 0;
    std::uint64_t upstream_connects_total = 0;
    std::uint64_t body_waits_total = 0;  // bodies that found no room at once
    std::int64_t body_memory = 0;        // the process's, filled for a scrape
    std::int64_t body_memory_most = 0;

    /// The exposition text (version 0.0.4) with the log's own figures.
    [[nodiscard]] std::string prometheus(const LogStatus& log, double uptime_seconds, int shards) const;

private:
    // A client may name any model where a provider takes all of them, so the number of rows is capped.
    static constexpr std::size_t max_rows = 2000;
    static constexpr std::array<std::string_view, 5> token_classes = {"input", "cache_read", "cache_write_5m",
                                                                      "cache_write_1h", "output"};

    /// All requests that have these five in common: one look-up for each request. The series are sums over rows, made
    /// when somebody asks for them.
    struct Row {
        Family family = Family::openai;
        std::string provider;
        std::string model;
        int status = 0;
        bool stream = false;

        Latency latency;
        std::array<std::uint64_t, token_classes.size()> tokens{};
        std::int64_t cost_nano_usd = 0;
        std::uint64_t priced = 0;
        std::uint64_t unpriced = 0;
        std::array<std::uint64_t, 4> ends{};  // by `End`
        std::uint64_t at_once = 0;            // one attempt, and it went well

        void add(const Row& other);
    };
    struct Series {
        LabelMap<std::uint64_t> requests;  // platform, provider, model, status
        LabelMap<Latency> latency;         // platform, provider, is_stream
        LabelMap<std::uint64_t> tokens;    // platform, provider, direction
        LabelMap<std::int64_t> cost;       // platform, provider, model: nano USD
        LabelMap<std::uint64_t> unpriced;  // platform, provider, model
        LabelMap<std::uint64_t> attempts;  // provider, outcome
        LabelMap<std::uint64_t> ends;      // end
    };

    Row& row(const RequestRecord& record);
    [[nodiscard]] Series join() const;

    LabelMap<Row> rows_;
    LabelMap<std::uint64_t> attempts_;    // provider, outcome; those that are not in a row
    LabelMap<std::uint64_t> limited_;     // subject, limit
    LabelMap<std::uint64_t> refused_;     // path, reason, recorded
    std::map<int, std::uint64_t> local_;  // by status
    std::array<std::uint64_t, handshake_failure_names.size()> handshake_failures_{};
    std::string key_;  // scratch
};

}  // namespace lurus::gateway
