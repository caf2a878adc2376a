#pragma once
// Finds the state of a subject. The table is shared and locked in stripes; each shard remembers what it found, so that
// a request takes no lock: only a subject's first request on a shard, and the first after a minute of silence, does.

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "modules/gateway/limits/limit_state.hpp"
#include "modules/gateway/metrics/metrics.hpp"

namespace lurus::gateway {

using StatePtr = std::shared_ptr<SubjectState>;
using StateMap = std::unordered_map<std::string, StatePtr, TransparentHash, std::equal_to<>>;

/// Any thread. Owned by the server, outlives the shards.
class LimitTable {
public:
    static constexpr std::size_t stripes = 64;
    /// Addresses are the only subjects that nobody declared. Above this number within a minute, new ones share one
    /// state: memory stays bounded, and the limits hold.
    static constexpr std::size_t max_addresses = 65'536;

    /// Times are counted from `start_us` of the monotonic clock.
    explicit LimitTable(std::int64_t start_us) : start_us_(start_us) {}

    StatePtr get(Subject subject, std::string_view id, std::int64_t now_us, UnixMicros now);
    /// Null when nothing is counted of it. Makes nothing.
    [[nodiscard]] StatePtr find(Subject subject, std::string_view id) const;
    /// Forgets what nobody uses in the next stripe.
    void sweep(std::int64_t now_us, UnixMicros now);
    [[nodiscard]] std::int64_t since_start(std::int64_t monotonic_us) const { return monotonic_us - start_us_; }
    [[nodiscard]] std::size_t size() const;

    /// The subject and its id as one text.
    static void write_name(std::string& out, Subject subject, std::string_view id);

private:
    static constexpr std::int64_t full_clean_us = 1'000'000;

    struct Stripe {
        mutable std::mutex mutex;
        StateMap states;
        std::size_t addresses = 0;
        std::int64_t clean_again_us = 0;  // when it is full, which a flood of addresses makes it
        StatePtr others;                  // the addresses that found no room
    };
    static void clean(Stripe& stripe, std::int64_t now_us, UnixMicros now);

    const std::int64_t start_us_;
    std::array<Stripe, stripes> stripes_;
    std::atomic<std::size_t> next_ = 0;  // to be swept
};

/// One shard's view of the table; its thread only.
class LimitCache {
public:
    explicit LimitCache(LimitTable& table) : table_(table) {}

    /// `now_us` since the table's start.
    StatePtr get(Subject subject, std::string_view id, std::int64_t now_us, UnixMicros now);
    LimitTable& table() { return table_; }

private:
    static constexpr std::int64_t generation_us = 60'000'000;
    static constexpr std::size_t max_known = 1 << 20;

    LimitTable& table_;
    StateMap young_;  // used in this generation
    StateMap old_;    // used in the one before
    std::int64_t turned_us_ = 0;
    std::string name_;  // scratch
};

}  // namespace lurus::gateway
