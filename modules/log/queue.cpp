#include "modules/log/queue.hpp"

#include <chrono>

namespace lurus::log {
namespace {

constexpr std::size_t spare_most = 16;
constexpr std::size_t spare_capacity_most = 256;  // records; a burst's memory goes back

std::size_t lane_of_this_thread(std::size_t lanes) {
    static std::atomic<std::size_t> threads = 0;
    thread_local const std::size_t mine = threads.fetch_add(1);
    return mine % lanes;
}

std::int64_t weight_of(const std::string& text) {
    // What fits the string itself is in sizeof already.
    return text.capacity() > 15 ? static_cast<std::int64_t>(text.capacity()) : 0;
}

}  // namespace

std::int64_t weight_of(const RequestRecord& record) {
    std::int64_t sum = sizeof(Appended);
    for (const auto* text : {&record.operation, &record.model, &record.upstream_model, &record.route, &record.provider,
                             &record.account, &record.key, &record.user, &record.client, &record.session, &record.error,
                             &record.usage_raw, &record.tariff, &record.request_body, &record.response_body}) {
        sum += weight_of(*text);
    }
    sum += static_cast<std::int64_t>(record.attempts.capacity() * sizeof(Attempt));
    for (const auto& attempt : record.attempts) {
        for (const auto* text : {&attempt.provider, &attempt.account, &attempt.upstream_model, &attempt.chosen_because,
                                 &attempt.outcome}) {
            sum += weight_of(*text);
        }
    }
    return sum;
}

void AppendQueue::push(RequestRecord&& record, std::uint64_t ticket, CommitSink* sink, std::int64_t bytes) {
    Lane& lane = lanes_[lane_of_this_thread(lanes_.size())];
    {
        const std::lock_guard lock(lane.mutex);
        lane.items.push_back(Appended{std::move(record), ticket, sink, bytes});
    }
    // Pairs with sleep(): either this sees sleeping_, or the writer sees pending_.
    if (pending_.fetch_add(1) == 0 && sleeping_.load()) {
        const std::lock_guard lock(sleep_mutex_);
        woken_.notify_one();
    }
}

void AppendQueue::take(std::vector<std::vector<Appended>>& out) {
    if (empty()) return;
    std::int64_t taken = 0;
    for (Lane& lane : lanes_) {
        std::vector<Appended> items;
        if (!spare_.empty()) {
            items = std::move(spare_.back());
            spare_.pop_back();
        }
        {
            const std::lock_guard lock(lane.mutex);
            items.swap(lane.items);
        }
        if (items.empty()) {
            recycle(std::move(items));
            continue;
        }
        taken += static_cast<std::int64_t>(items.size());
        out.push_back(std::move(items));
    }
    pending_.fetch_sub(taken);
}

void AppendQueue::recycle(std::vector<Appended>&& emptied) {
    emptied.clear();
    if (spare_.size() < spare_most && emptied.capacity() <= spare_capacity_most) spare_.push_back(std::move(emptied));
}

void AppendQueue::wait(std::int64_t timeout_us) {
    sleep(timeout_us, true);
}

void AppendQueue::wait_ignoring_queue(std::int64_t timeout_us) {
    sleep(timeout_us, false);
}

void AppendQueue::sleep(std::int64_t timeout_us, bool for_queue) {
    std::unique_lock lock(sleep_mutex_);
    if (for_queue) sleeping_.store(true);
    const auto ready = [&] { return nudged_ || (for_queue && pending_.load() > 0); };
    if (timeout_us < 0) {
        woken_.wait(lock, ready);
    } else {
        woken_.wait_for(lock, std::chrono::microseconds(timeout_us), ready);
    }
    sleeping_.store(false);
    nudged_ = false;
}

void AppendQueue::nudge() {
    const std::lock_guard lock(sleep_mutex_);
    nudged_ = true;
    woken_.notify_one();
}

}  // namespace lurus::log
