#include "modules/gateway/limits/limit_state.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <mutex>

namespace lurus::gateway {
namespace {

constexpr int index_bits = 9;  // of the window's 12 bits; the period takes the other three
constexpr std::int64_t day_us = 86'400'000'000;

bool bucket(const Limits& limits) {
    return limits.window == WindowKind::bucket;
}

std::size_t at(Measure measure) {
    return static_cast<std::size_t>(measure);
}

// Held while a meter goes from one window to another, which it rarely does.
std::mutex windows_mutex;

}  // namespace

std::uint32_t BudgetMeter::window_of(const Budget& budget, UnixMicros now) {
    std::int64_t index = 0;
    if (budget.period == BudgetPeriod::month) {
        const auto day = std::chrono::floor<std::chrono::days>(
            std::chrono::sys_time<std::chrono::microseconds>(std::chrono::microseconds(now)));
        const std::chrono::year_month_day date(day);
        index = static_cast<int>(date.year()) * 12 + static_cast<int>(static_cast<unsigned>(date.month()));
    } else if (budget.period != BudgetPeriod::total) {
        index = budget.begin(now) / day_us;
    }
    const auto period = static_cast<std::uint32_t>(budget.period) + 1;  // 0 = no window yet
    return period << index_bits | static_cast<std::uint32_t>(index & ((1 << index_bits) - 1));
}

std::uint64_t BudgetMeter::pack(std::uint32_t window, std::int64_t nano) {
    const auto most = static_cast<std::int64_t>(money_mask);
    return static_cast<std::uint64_t>(window) << money_bits |
           static_cast<std::uint64_t>(std::clamp<std::int64_t>(nano, 0, most));
}

BudgetMeter::Held BudgetMeter::hold(const Budget& budget, std::uint32_t window, Money amount, Money before) {
    Held held;
    std::uint64_t word = word_.load();
    std::int64_t used = 0;
    do {
        if (window_in(word) != window) word = enter(window);
        used = std::max(static_cast<std::int64_t>(word & money_mask), before.nano_usd);
        if (used >= budget.amount.nano_usd) {
            held.waits_for_running = used - held_.load() < budget.amount.nano_usd;
            return held;
        }
    } while (!word_.compare_exchange_weak(word, pack(window, used + amount.nano_usd)));
    held_.fetch_add(amount.nano_usd);
    held.taken = true;
    return held;
}

void BudgetMeter::settle(std::uint32_t window, Money held, Money cost) {
    held_.fetch_sub(held.nano_usd);
    std::uint64_t word = word_.load();
    std::int64_t next = 0;
    do {
        if (window_in(word) != window) return settle_before(window, cost.nano_usd - held.nano_usd);
        next = static_cast<std::int64_t>(word & money_mask) - held.nano_usd + cost.nano_usd;
    } while (!word_.compare_exchange_weak(word, pack(window, next)));
}

// What shards add to the window that was the present one goes along with it: they add only while it is.
std::uint64_t BudgetMeter::enter(std::uint32_t window) {
    const std::scoped_lock lock(windows_mutex);
    if (const std::uint64_t word = word_.load(); window_in(word) == window) return word;
    const auto known = std::ranges::find_if(before_, [&](const auto& word) { return window_in(word) == window; });
    const std::uint64_t entered = known == before_.end() ? pack(window, 0) : known->load();
    // Those that are newer than the place of the known one, or than the last, move on by one.
    auto place = known == before_.end() ? std::prev(known) : known;
    for (; place != before_.begin(); --place) place->store(std::prev(place)->load());
    before_.front() = word_.exchange(entered);
    return entered;
}

void BudgetMeter::settle_before(std::uint32_t window, std::int64_t more) {
    const std::scoped_lock lock(windows_mutex);
    const auto sum = [&](std::uint64_t word) {
        return pack(window, static_cast<std::int64_t>(word & money_mask) + more);
    };
    // It may be the present one again.
    std::uint64_t word = word_.load();
    while (window_in(word) == window) {
        if (word_.compare_exchange_weak(word, sum(word))) return;
    }
    for (auto& known : before_) {
        if (window_in(known) == window) known = sum(known);
    }
}

Money BudgetMeter::used(std::uint32_t window) const {
    const auto money = [&](std::uint64_t word) { return Money{static_cast<std::int64_t>(word & money_mask)}; };
    if (const std::uint64_t word = word_.load(); window_in(word) == window) return money(word);
    const std::scoped_lock lock(windows_mutex);
    if (const std::uint64_t word = word_.load(); window_in(word) == window) return money(word);
    for (const auto& known : before_) {
        if (window_in(known) == window) return money(known);
    }
    return Money{};
}

bool BudgetMeter::matters(UnixMicros now) const {
    const std::uint64_t word = word_.load();
    if (word == 0) return false;
    Budget budget;
    budget.period = static_cast<BudgetPeriod>((word >> (money_bits + index_bits)) - 1);
    const std::uint32_t present = window_of(budget, now), last = window_of(budget, budget.begin(now) - 1);
    const auto counts = [&](std::uint64_t known) { return window_in(known) == present || window_in(known) == last; };
    return counts(word) || std::ranges::any_of(before_, counts);
}

SlidingWindow& LazyWindow::get() {
    SlidingWindow* window = window_.load();
    if (window != nullptr) return *window;
    auto made = std::make_unique<SlidingWindow>();
    if (window_.compare_exchange_strong(window, made.get())) return *made.release();
    return *window;
}

std::optional<std::int64_t> SubjectState::take(Measure measure, const Limits& limits, std::int64_t now_us,
                                               std::int64_t amount) {
    const std::int64_t limit = limit_of(limits, measure);
    if (!bucket(limits)) return windows_[at(measure)].get().take(now_us, amount, limit);
    if (!buckets_[at(measure)].take(now_us, amount, limit)) return std::nullopt;
    return 0;
}

void SubjectState::add(Measure measure, const Limits& limits, std::int64_t now_us, std::int64_t amount) {
    if (bucket(limits)) {
        buckets_[at(measure)].add(now_us, amount, limit_of(limits, measure));
    } else {
        windows_[at(measure)].get().add(now_us, amount);
    }
}

void SubjectState::give_back(Measure measure, const Limits& limits, std::int64_t slot, std::int64_t amount) {
    if (bucket(limits)) {
        buckets_[at(measure)].give_back(amount, limit_of(limits, measure));
    } else {
        windows_[at(measure)].get().give_back(slot, amount);
    }
}

std::int64_t SubjectState::used(Measure measure, const Limits& limits, std::int64_t now_us) {
    return bucket(limits) ? buckets_[at(measure)].used(now_us, limit_of(limits, measure))
                          : in_window(measure, [&](SlidingWindow& window) { return window.used(now_us); });
}

std::int64_t SubjectState::wait_us(Measure measure, const Limits& limits, std::int64_t now_us, std::int64_t amount) {
    const std::int64_t limit = limit_of(limits, measure);
    return bucket(limits) ? buckets_[at(measure)].wait_us(now_us, amount, limit)
                          : windows_[at(measure)].get().wait_us(now_us, amount, limit);
}

std::int64_t SubjectState::empty_in_us(Measure measure, const Limits& limits, std::int64_t now_us) {
    return bucket(limits) ? buckets_[at(measure)].empty_in_us(now_us)
                          : in_window(measure, [&](SlidingWindow& window) { return window.empty_in_us(now_us); });
}

bool SubjectState::enter(std::int64_t limit) {
    std::int64_t running = running_.load();
    do {
        if (limit != 0 && running >= limit) return false;
    } while (!running_.compare_exchange_weak(running, running + 1));
    return true;
}

bool SubjectState::forgettable(std::int64_t now_us, UnixMicros now) const {
    if (running_.load() != 0 || budget.matters(now)) return false;
    for (const auto& each : windows_) {
        if (auto* window = each.if_any(); window != nullptr && window->used(now_us) != 0) return false;
    }
    return std::ranges::all_of(buckets_, [&](const auto& each) { return each.empty_in_us(now_us) == 0; });
}

}  // namespace lurus::gateway
