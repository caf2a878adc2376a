#include "modules/log/journal/queue.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>

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
    std::int64_t sum = sizeof(LogEntry);
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

AppendQueue::Lane& AppendQueue::lane() {
    return lanes_[lane_of_this_thread(lanes_.size())];
}

void AppendQueue::push(LogEntry&& entry, std::int64_t bytes) {
    Lane& mine = lane();
    {
        const std::lock_guard lock(mine.mutex);
        mine.batch.entries.push_back(std::move(entry));
        mine.batch.bytes += bytes;
    }
    pushed(1);
}

void AppendQueue::push_all(std::vector<LogEntry>& entries, std::int64_t bytes) {
    const auto count = static_cast<std::int64_t>(entries.size());
    Lane& mine = lane();
    {
        const std::lock_guard lock(mine.mutex);
        std::ranges::move(entries, std::back_inserter(mine.batch.entries));
        mine.batch.bytes += bytes;
    }
    entries.clear();
    pushed(count);
}

void AppendQueue::pushed(std::int64_t entries) {
    // Pairs with sleep(): either this sees sleeping_, or the writer sees pending_.
    if (pending_.fetch_add(entries) != 0 || !sleeping_.load()) return;
    // The writer is waiting or has not looked yet; it is woken when it need not wait for the mutex again.
    sleep_mutex_.lock();
    sleep_mutex_.unlock();
    woken_.notify_one();
}

void AppendQueue::take(std::vector<Batch>& out) {
    if (empty()) return;
    std::int64_t taken = 0;
    for (Lane& from : lanes_) {
        Batch batch = fresh();
        {
            const std::lock_guard lock(from.mutex);
            std::swap(batch, from.batch);
        }
        if (batch.entries.empty()) {
            recycle(std::move(batch));
            continue;
        }
        taken += static_cast<std::int64_t>(batch.entries.size());
        out.push_back(std::move(batch));
    }
    pending_.fetch_sub(taken);
}

Batch AppendQueue::fresh() {
    Batch batch;
    if (spare_.empty()) return batch;
    batch.entries = std::move(spare_.back());
    spare_.pop_back();
    return batch;
}

void AppendQueue::recycle(Batch&& batch) {
    batch.entries.clear();
    if (spare_.size() < spare_most && batch.entries.capacity() <= spare_capacity_most)
        spare_.push_back(std::move(batch.entries));
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
    {
        const std::lock_guard lock(sleep_mutex_);
        nudged_ = true;
    }
    woken_.notify_one();
}

}  // namespace lurus::log
