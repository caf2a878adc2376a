#pragma once
// Counting amounts (requests, tokens) per minute, exactly, from several threads without a lock. Sans-I/O: the caller
// brings the time, in microseconds since the process began to count.
//
// Shared by all shards, so every decision is one compare-and-swap on one word: the sum of the window, or the bucket's
// theoretical arrival time. Two shards that decide at once cannot both take the last unit. What is done beside that
// word errs towards refusing for as long as a thread is interrupted in the middle, never towards letting too much pass.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace lurus::gateway {

constexpr std::int64_t minute_window_us = 60'000'000;

/// The last 60 seconds in slots of half a second. An amount counts until its whole slot is 60 seconds old, so no
/// 60 seconds, wherever they begin, hold more than the limit.
class SlidingWindow {
public:
    static constexpr std::int64_t slot_us = 500'000;
    static constexpr std::int64_t slots = minute_window_us / slot_us + 1;

    /// Takes the amount if it fits below the limit. The slot it was booked in, for `give_back`; empty = it does not
    /// fit.
    std::optional<std::int64_t> take(std::int64_t now_us, std::int64_t amount, std::int64_t limit);
    /// Books the amount, beyond any limit.
    void add(std::int64_t now_us, std::int64_t amount);
    /// Takes a part of an earlier amount back; nothing happens when its slot has left the window already.
    void give_back(std::int64_t slot, std::int64_t amount);

    std::int64_t used(std::int64_t now_us);
    /// Microseconds until the amount would fit if nobody took anything; 0 = now. `amount` is at most `limit`.
    std::int64_t wait_us(std::int64_t now_us, std::int64_t amount, std::int64_t limit);
    /// Microseconds until nothing counts any more.
    std::int64_t empty_in_us(std::int64_t now_us);

private:
    // A slot: its number (30 bits, 17 years of half seconds) above its amount (34 bits).
    static constexpr int amount_bits = 34;
    static constexpr std::uint64_t amount_mask = (1ull << amount_bits) - 1;

    std::int64_t roll(std::int64_t now_us);
    void book(std::int64_t slot, std::int64_t amount);

    std::atomic<std::int64_t> total_ = 0;   // what is in the slots, or about to be
    std::atomic<std::int64_t> rolled_ = 0;  // the newest slot that the ring was cleared for
    std::array<std::atomic<std::uint64_t>, static_cast<std::size_t>(slots)> ring_{};
};

/// GCRA: `limit` at once, refilled evenly over a minute. Its state is a time, so a changed limit keeps how full it is.
class TokenBucket {
public:
    bool take(std::int64_t now_us, std::int64_t amount, std::int64_t limit);
    void add(std::int64_t now_us, std::int64_t amount, std::int64_t limit);
    void give_back(std::int64_t amount, std::int64_t limit);

    [[nodiscard]] std::int64_t used(std::int64_t now_us, std::int64_t limit) const;
    [[nodiscard]] std::int64_t wait_us(std::int64_t now_us, std::int64_t amount, std::int64_t limit) const;
    [[nodiscard]] std::int64_t empty_in_us(std::int64_t now_us) const;

private:
    std::atomic<std::int64_t> full_until_ns_ = 0;  // the theoretical arrival time
};

}  // namespace lurus::gateway
