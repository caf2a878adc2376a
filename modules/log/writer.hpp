#pragma once
// The thread that owns the log file: group commit, and the upkeep in what time is left.

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "modules/log/checkpointer.hpp"
#include "modules/log/queue.hpp"
#include "modules/log/state.hpp"
#include "modules/log/store.hpp"
#include "modules/log/upkeep.hpp"

namespace lurus::log {

class Writer {
public:
    Writer(const LogSettings& settings, const Clock& clock, LogState& state, std::unique_ptr<Store> store);
    /// Writes what is queued; gives up after `commit_patience_ms` when it cannot.
    ~Writer();
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    // Any thread.
    void append(RequestRecord&& record, std::uint64_t ticket, CommitSink* sink);
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

    void run();
    void take();
    bool commit();
    void committed();
    void failed(const Error& error);
    void release_overdue();
    void tell(std::size_t first_batch, std::size_t last_batch, bool safe);
    void upkeep(bool idle);
    void rest();
    void watch_wal();

    const LogSettings settings_;
    const Clock& clock_;
    LogState& state_;
    std::unique_ptr<Store> store_;  // null while the file cannot be opened anew
    Upkeep upkeep_;
    Checkpointer checkpointer_;
    AppendQueue queue_;

    // The writer thread's.
    std::vector<std::vector<Appended>> batches_;
    std::deque<Waiting> waiting_;  // how `batches_` came, oldest first
    std::size_t told_ = 0;         // batches already released unsafe
    std::int64_t last_id_ = 0;
    std::int64_t retry_at_us_ = 0;  // 0 = healthy
    std::int64_t retry_delay_us_ = 0;
    std::int64_t upkeep_at_us_ = 0;  // not before, after a failure
    std::int64_t rows_since_upkeep_ = 0;
    bool upkeep_idle_ = false;
    enum class WalStage : std::uint8_t { small, growing, nearly_moved } wal_stage_ = WalStage::small;
    int next_self_pages_ = 0;
    std::vector<std::pair<CommitSink*, std::vector<std::uint64_t>>> tickets_;

    std::atomic<bool> stop_ = false;
    std::atomic<std::int64_t> queued_ = 0, queued_bytes_ = 0, committed_ = 0, released_unsafe_ = 0;
    mutable std::mutex status_mutex_;
    std::string problem_, upkeep_problem_;
    std::condition_variable passed_;
    std::uint64_t pass_ = 0, passes_done_ = 0;  // a pass takes and commits all that was queued when it began

    std::thread thread_;
};

}  // namespace lurus::log
