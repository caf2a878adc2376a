#include "modules/gateway/limits/limit_window.hpp"

#include <algorithm>

namespace lurus::gateway {
namespace {

constexpr std::int64_t window_ns = minute_window_us * 1000;

// What one unit costs. Rounded down, and the bucket is `limit` of these deep: exactly `limit` fit at once.
std::int64_t unit_ns(std::int64_t limit) {
    return std::max<std::int64_t>(window_ns / limit, 1);
}

std::int64_t ceil_us(std::int64_t ns) {
    return (ns + 999) / 1000;
}

}  // namespace

// Clears the slots that left the window and returns the slot that is current. Whoever swaps a slot out also takes its
// amount off the sum, once.
std::int64_t SlidingWindow::roll(std::int64_t now_us) {
    const std::int64_t wanted = now_us / slot_us + 1;  // slot 0 is what an untouched ring holds
    std::int64_t rolled = rolled_.load();
    // Another shard may have read its clock later.
    if (rolled >= wanted) return rolled;
    for (std::int64_t slot = std::max(rolled + 1, wanted - slots + 1); slot <= wanted; ++slot) {
        auto& cell = ring_[static_cast<std::size_t>(slot % slots)];
        const auto fresh = static_cast<std::uint64_t>(slot) << amount_bits;
        std::uint64_t word = cell.load();
        while (static_cast<std::int64_t>(word >> amount_bits) < slot) {
            if (!cell.compare_exchange_weak(word, fresh)) continue;
            total_.fetch_sub(static_cast<std::int64_t>(word & amount_mask));
            break;
        }
    }
    while (rolled < wanted && !rolled_.compare_exchange_weak(rolled, wanted)) {
    }
    return std::max(rolled, wanted);
}

// The sum has it already. A slot that meanwhile left the window, or holds all it can, takes it off again.
void SlidingWindow::book(std::int64_t slot, std::int64_t amount) {
    auto& cell = ring_[static_cast<std::size_t>(slot % slots)];
    std::uint64_t word = cell.load();
    for (;;) {
        const bool left = static_cast<std::int64_t>(word >> amount_bits) != slot;
        const std::uint64_t held = word & amount_mask;
        if (left || held + static_cast<std::uint64_t>(amount) > amount_mask) {
            total_.fetch_sub(amount);
            return;
        }
        if (cell.compare_exchange_weak(word, word + static_cast<std::uint64_t>(amount))) return;
    }
}

std::optional<std::int64_t> SlidingWindow::take(std::int64_t now_us, std::int64_t amount, std::int64_t limit) {
    const std::int64_t slot = roll(now_us);
    std::int64_t total = total_.load();
    do {
        if (total > limit - amount) return std::nullopt;
    } while (!total_.compare_exchange_weak(total, total + amount));
    book(slot, amount);
    return slot;
}

void SlidingWindow::add(std::int64_t now_us, std::int64_t amount) {
    const std::int64_t slot = roll(now_us);
    total_.fetch_add(amount);
    book(slot, amount);
}

void SlidingWindow::give_back(std::int64_t slot, std::int64_t amount) {
    auto& cell = ring_[static_cast<std::size_t>(slot % slots)];
    std::uint64_t word = cell.load();
    for (;;) {
        if (static_cast<std::int64_t>(word >> amount_bits) != slot) return;
        const std::int64_t part = std::min(amount, static_cast<std::int64_t>(word & amount_mask));
        if (!cell.compare_exchange_weak(word, word - static_cast<std::uint64_t>(part))) continue;
        total_.fetch_sub(part);
        return;
    }
}

std::int64_t SlidingWindow::used(std::int64_t now_us) {
    roll(now_us);
    return std::max<std::int64_t>(total_.load(), 0);
}

std::int64_t SlidingWindow::wait_us(std::int64_t now_us, std::int64_t amount, std::int64_t limit) {
    const std::int64_t newest = roll(now_us);
    std::int64_t over = total_.load() - (limit - amount);
    if (over <= 0) return 0;
    for (std::int64_t slot = std::max<std::int64_t>(newest - slots + 1, 1); slot <= newest; ++slot) {
        const std::uint64_t word = ring_[static_cast<std::size_t>(slot % slots)].load();
        if (static_cast<std::int64_t>(word >> amount_bits) != slot) continue;
        over -= static_cast<std::int64_t>(word & amount_mask);
        // It leaves the ring when the slot that takes its place begins.
        if (over <= 0) return std::max<std::int64_t>((slot - 1 + slots) * slot_us - now_us, 1);
    }
    return slot_us;  // another thread is between the sum and the slot
}

std::int64_t SlidingWindow::empty_in_us(std::int64_t now_us) {
    const std::int64_t newest = roll(now_us);
    for (std::int64_t slot = newest; slot > std::max<std::int64_t>(newest - slots, 0); --slot) {
        const std::uint64_t word = ring_[static_cast<std::size_t>(slot % slots)].load();
        if (static_cast<std::int64_t>(word >> amount_bits) == slot && (word & amount_mask) != 0)
            return (slot - 1 + slots) * slot_us - now_us;
    }
    return 0;
}

bool TokenBucket::take(std::int64_t now_us, std::int64_t amount, std::int64_t limit) {
    const std::int64_t now = now_us * 1000;
    const std::int64_t unit = unit_ns(limit);
    std::int64_t until = full_until_ns_.load();
    for (;;) {
        const std::int64_t next = std::max(until, now) + amount * unit;
        if (next - now > limit * unit) return false;
        if (full_until_ns_.compare_exchange_weak(until, next)) return true;
    }
}

void TokenBucket::add(std::int64_t now_us, std::int64_t amount, std::int64_t limit) {
    const std::int64_t now = now_us * 1000;
    std::int64_t until = full_until_ns_.load();
    while (!full_until_ns_.compare_exchange_weak(until, std::max(until, now) + amount * unit_ns(limit))) {
    }
}

void TokenBucket::give_back(std::int64_t amount, std::int64_t limit) {
    // A time before now counts as now, so what has drained meanwhile is not given twice.
    full_until_ns_.fetch_sub(amount * unit_ns(limit));
}

std::int64_t TokenBucket::used(std::int64_t now_us, std::int64_t limit) const {
    const std::int64_t level = full_until_ns_.load() - now_us * 1000;
    const std::int64_t unit = unit_ns(limit);
    return level <= 0 ? 0 : (level + unit - 1) / unit;
}

std::int64_t TokenBucket::wait_us(std::int64_t now_us, std::int64_t amount, std::int64_t limit) const {
    const std::int64_t now = now_us * 1000;
    const std::int64_t unit = unit_ns(limit);
    const std::int64_t over = std::max(full_until_ns_.load(), now) + amount * unit - now - limit * unit;
    return over <= 0 ? 0 : ceil_us(over);
}

std::int64_t TokenBucket::empty_in_us(std::int64_t now_us) const {
    return std::max<std::int64_t>(ceil_us(full_until_ns_.load() - now_us * 1000), 0);
}

}  // namespace lurus::gateway
