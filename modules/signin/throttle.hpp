#pragma once
// Guessing made slow: after some failures in a row each further one doubles a wait, for an account and for an address.

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace lurus::signin {

/// Times are microseconds of a clock that nobody sets.
struct ThrottleRule {
    int free_failures = 5;                            // in a row, before there is a wait
    std::int64_t first_wait = 30ll * 1'000'000;       // doubled by each further failure
    std::int64_t longest_wait = 900ll * 1'000'000;    // so that nobody is locked out for good
    std::int64_t forget_after = 24ll * 3600'000'000;  // without a failure
    std::size_t max_entries = 100'000;                // beyond, the longest untouched goes first
};

/// Any thread. Kept in memory: a restart forgets. Whether what is counted exists makes no difference.
class Throttle {
public:
    explicit Throttle(ThrottleRule rule = {}) : rule_(rule) {}

    /// How long `who` has still to wait; 0 = may try now.
    [[nodiscard]] std::int64_t wait(std::string_view who, std::int64_t now) const;
    /// Counts a try as failed before it is judged, so that many at once do not slip through.
    /// Returns the wait as wait() does and counts nothing when there is one.
    std::int64_t begin(std::string_view who, std::int64_t now);
    /// Takes that many failures back, and the wait that the last one began.
    void forgive(std::string_view who, int failures = 1);
    /// The try succeeded: `who` starts afresh.
    void succeed(std::string_view who);

private:
    struct Entry {
        int failures = 0;
        std::int64_t last = 0;
        std::int64_t free_at = 0;
    };
    void make_room(std::int64_t now);

    const ThrottleRule rule_;
    mutable std::mutex mutex_;
    std::unordered_map<std::string, Entry> entries_;
};

/// What counts as one address: IPv4 as it is, IPv6 by its /64, which is what one customer has. Empty for this machine
/// itself: behind a reverse proxy everybody comes from there.
std::string throttle_address(std::string_view remote_address);

}  // namespace lurus::signin
