#pragma once
// From the shards to the writer. Producers share lanes, one mutex each, so that they rarely meet; the writer takes a
// lane whole.

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <vector>

#include "lurus/store/journal.hpp"

namespace lurus::log {

/// Entries that arrived together.
struct Batch {
    std::vector<LogEntry> entries;
    std::int64_t bytes = 0;  // their weight; 0 = were never queued
};

/// What a record holds in memory, bytes.
std::int64_t weight_of(const RequestRecord& record);

class AppendQueue {
public:
    /// Any thread. Wakes the writer only when the queue was empty.
    void push(LogEntry&& entry, std::int64_t bytes);
    void push_all(std::vector<LogEntry>& entries, std::int64_t bytes);

    /// Writer: moves every lane that has something onto `out`.
    void take(std::vector<Batch>& out);
    /// Writer: a batch without entries, if possible with memory for them.
    Batch fresh();
    /// Writer: hands a batch back, so that its memory is used again.
    void recycle(Batch&& batch);
    /// Writer: sleeps until something is queued, `nudge` was called, or the timeout (negative: none) has passed.
    void wait(std::int64_t timeout_us);
    /// Writer: sleeps until `nudge` or the timeout, whatever is queued.
    void wait_ignoring_queue(std::int64_t timeout_us);

    /// Any thread.
    void nudge();
    [[nodiscard]] bool empty() const { return pending_.load() == 0; }

private:
    struct alignas(64) Lane {
        std::mutex mutex;
        Batch batch;
    };
    Lane& lane();
    void pushed(std::int64_t entries);
    void sleep(std::int64_t timeout_us, bool for_queue);

    std::array<Lane, 8> lanes_;
    std::vector<std::vector<LogEntry>> spare_;  // the writer's
    alignas(64) std::atomic<std::int64_t> pending_ = 0;
    std::atomic<bool> sleeping_ = false;
    std::mutex sleep_mutex_;
    std::condition_variable woken_;
    bool nudged_ = false;  // under sleep_mutex_
};

}  // namespace lurus::log
