#include "control/steps/rate.hpp"

#include <algorithm>

namespace lurus::control {
namespace {

constexpr std::int64_t minute_us = 60'000'000;

}  // namespace

void ApiRate::set(int per_minute) {
    const std::scoped_lock lock(mutex_);
    per_minute_ = per_minute;
}

std::optional<std::int64_t> ApiRate::take(std::string_view caller, std::int64_t now_us) {
    const std::scoped_lock lock(mutex_);
    if (per_minute_ <= 0) return std::nullopt;
    if (now_us >= next_sweep_us_) {
        std::erase_if(full_until_, [&](const auto& entry) { return entry.second <= now_us; });
        next_sweep_us_ = now_us + minute_us;
    }
    const std::int64_t interval = minute_us / per_minute_;
    auto& until = full_until_[std::string(caller)];
    const std::int64_t next = std::max(until, now_us) + interval;
    if (const std::int64_t wait = next - now_us - interval * per_minute_; wait > 0) return wait;
    until = next;
    return std::nullopt;
}

}  // namespace lurus::control
