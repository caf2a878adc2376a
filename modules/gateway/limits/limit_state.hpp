#pragma once
// What one subject (a key, a user, an address ...) has used up. Shared by all shards; no lock, see limit_window.hpp.

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include "lurus/limits.hpp"
#include "modules/gateway/limits/limit_window.hpp"

namespace lurus::gateway {

/// What is counted per minute.
enum class Measure : std::uint8_t { requests, tokens, input_tokens, output_tokens };
constexpr std::array<Measure, 4> measures = {Measure::requests, Measure::tokens, Measure::input_tokens,
                                             Measure::output_tokens};

constexpr std::int64_t limit_of(const Limits& limits, Measure measure) {
    switch (measure) {
        case Measure::requests: return limits.rpm;
        case Measure::tokens: return limits.tpm;
        case Measure::input_tokens: return limits.itpm;
        case Measure::output_tokens: return limits.otpm;
    }
    return 0;
}

/// Money used in a window of a budget: spent, and held for requests that are still running. The windows before it are
/// remembered, so that a clock that was set forward finds them as they were when it is set back.
class BudgetMeter {
public:
    /// Says which window a moment is in; differs for windows that follow each other, whatever their period.
    static std::uint32_t window_of(const Budget& budget, UnixMicros now);

    struct Held {
        bool taken = false;
        bool waits_for_running = false;  // not taken: only what is held stands in the way
    };
    /// Holds the amount when less than the budget is spent and held. So the budget is exceeded by what the last request
    /// costs, and by what requests cost beyond their estimate. `before`: what
    /// the log had in this window when it was last read; no less is used up.
    Held hold(const Budget& budget, std::uint32_t window, Money amount, Money before);
    /// Gives the held amount back and books the cost, in the window that it was held in.
    void settle(std::uint32_t window, Money held, Money cost);

    [[nodiscard]] Money used(std::uint32_t window) const;
    /// False when nothing is remembered of the window that holds `now`, nor of the one before, to which a clock may go
    /// back.
    [[nodiscard]] bool matters(UnixMicros now) const;

private:
    // The window (12 bits) above nano-USD (52 bits, 4.5 million USD).
    static constexpr int money_bits = 52;
    static constexpr std::uint64_t money_mask = (1ull << money_bits) - 1;
    static std::uint64_t pack(std::uint32_t window, std::int64_t nano);
    static std::uint32_t window_in(std::uint64_t word) { return static_cast<std::uint32_t>(word >> money_bits); }
    /// Makes the window the present one; its word.
    std::uint64_t enter(std::uint32_t window);
    void settle_before(std::uint32_t window, std::int64_t more);

    std::atomic<std::uint64_t> word_ = 0;
    std::array<std::atomic<std::uint64_t>, 2> before_{};  // newest first; written with the mutex of all meters
    std::atomic<std::int64_t> held_ = 0;
};

/// A sliding window that is made when it is first needed: an idle limit costs eight bytes instead of a kilobyte.
class LazyWindow {
public:
    LazyWindow() = default;
    ~LazyWindow() { delete window_.load(); }
    LazyWindow(const LazyWindow&) = delete;
    LazyWindow& operator=(const LazyWindow&) = delete;

    SlidingWindow& get();
    [[nodiscard]] SlidingWindow* if_any() const { return window_.load(); }

private:
    std::atomic<SlidingWindow*> window_ = nullptr;
};

/// Any thread. Limits are the caller's at every call, so a changed limit counts on from what there is.
class SubjectState {
public:
    /// The slot for `give_back`; empty = over the limit. `amount` is at most `limit`.
    std::optional<std::int64_t> take(Measure measure, const Limits& limits, std::int64_t now_us, std::int64_t amount);
    /// Beyond any limit.
    void add(Measure measure, const Limits& limits, std::int64_t now_us, std::int64_t amount);
    void give_back(Measure measure, const Limits& limits, std::int64_t slot, std::int64_t amount);
    std::int64_t used(Measure measure, const Limits& limits, std::int64_t now_us);
    std::int64_t wait_us(Measure measure, const Limits& limits, std::int64_t now_us, std::int64_t amount);
    std::int64_t empty_in_us(Measure measure, const Limits& limits, std::int64_t now_us);

    /// `limit` 0 = none; what runs is counted all the same, for a limit that comes later.
    bool enter(std::int64_t limit);
    void leave() { running_.fetch_sub(1); }
    [[nodiscard]] std::int64_t running() const { return running_.load(); }

    /// True when a new state would be the same.
    [[nodiscard]] bool forgettable(std::int64_t now_us, UnixMicros now) const;

    BudgetMeter budget;

private:
    // 0 where there is no window yet: to look makes none.
    template <class Ask>
    std::int64_t in_window(Measure measure, const Ask& ask) {
        SlidingWindow* window = windows_[static_cast<std::size_t>(measure)].if_any();
        return window == nullptr ? 0 : ask(*window);
    }

    std::array<LazyWindow, measures.size()> windows_;
    std::array<TokenBucket, measures.size()> buckets_;
    std::atomic<std::int64_t> running_ = 0;
};

}  // namespace lurus::gateway
