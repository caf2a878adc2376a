#pragma once
// Who writes the log file. A thread of its own: group commit, and the upkeep in what time is left. While it rests and
// the file answers quickly, whoever brings records commits them itself: that saves two changes of threads.

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "modules/log/journal/checkpointer.hpp"
#include "modules/log/journal/queue.hpp"
#include "modules/log/journal/state.hpp"
#include "modules/log/journal/store.hpp"
#include "modules/log/journal/upkeep.hpp"

namespace lurus::log {

class Writer {
public:
    Writer(const LogSettings& settings, const Clock& clock, LogState& state, std::unique_ptr<Store> store);
    /// Writes what is queued; gives up after `commit_patience_ms` when it cannot.
    ~Writer();
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    // Any thread.
    void append(LogEntry&& entry);
    void append_all(std::vector<LogEntry>& entries);
    [[nodiscard]] bool has_room() const {
        return queued_bytes_.load(std::memory_order_relaxed) < settings_.queue_cap_bytes;
    }
    Result<void> flush(int timeout_ms);
    [[nodiscard]] LogStatus status() const;

private:
    /// Records that were taken together, and since when they wait for their commit.
    struct Waiting {
        std::size_t batches = 0;
        std::int64_t since_us = 0;
    };

    /// What the thread does when there is nothing to do now.
    struct Rest {
        std::int64_t us = 0;  // negative: until it is woken
        bool ignoring_queue = false;
    };

    void run();
    bool append_here(std::vector<LogEntry>& entries);

    // With the mutex held.
    /// False when it is to end.
    bool turn();
    void take();
    bool commit();
    /// False when the records could not be written: they are in `batches_` as before.
    bool write();
    bool write_without_waiting();
    void committed();
    void failed(const Error& error);
    void release_overdue();
    void tell(std::size_t first_batch, std::size_t last_batch, bool safe);
    void upkeep(bool idle);
    [[nodiscard]] Rest rest() const;
    void watch_wal();

    const LogSettings settings_;
    const Clock& clock_;
    LogState& state_;
    std::unique_ptr<Store> store_;  // null while the file cannot be opened anew
    Upkeep upkeep_;
    Checkpointer checkpointer_;
    AppendQueue queue_;

    std::mutex mutex_;  // held by who writes
    std::vector<Batch> batches_;
    std::deque<Waiting> waiting_;  // how `batches_` came, oldest first
    std::size_t told_ = 0;         // batches already released unsafe
    std::int64_t last_id_ = 0;
    std::int64_t retry_at_us_ = 0;  // 0 = healthy
    std::int64_t retry_delay_us_ = 0;
    std::int64_t give_up_us_ = 0;    // set when it is to end
    std::int64_t upkeep_at_us_ = 0;  // not before, after a failure
    std::int64_t rows_since_upkeep_ = 0;
    bool upkeep_idle_ = false;
    enum class WalStage : std::uint8_t { small, growing, nearly_moved } wal_stage_ = WalStage::small;
    int next_self_pages_ = 0;
    std::vector<std::pair<CommitSink*, std::vector<std::uint64_t>>> tickets_;

    std::atomic<std::int64_t> slow_until_us_ = 0;  // the file kept someone waiting: only the thread writes
    std::atomic<bool> stop_ = false;
    std::atomic<std::int64_t> queued_ = 0, queued_bytes_ = 0, committed_ = 0, released_unsafe_ = 0;
    mutable std::mutex status_mutex_;
    std::string problem_, upkeep_problem_;
    std::condition_variable passed_;
    std::uint64_t pass_ = 0, passes_done_ = 0;  // a pass takes and commits all that was queued when it began

    std::thread thread_;
};

}  // namespace lurus::log
