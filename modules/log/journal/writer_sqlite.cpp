#include <spdlog/spdlog.h>
#include <sqlite3.h>

#include <algorithm>
#include <new>

#include "core/os/platform.hpp"
#include "modules/log/journal/writer.hpp"

namespace lurus::log {
namespace {

constexpr std::int64_t retry_first_us = 10'000;
constexpr std::int64_t retry_most_us = 1'000'000;
constexpr std::int64_t upkeep_pause_us = 1'000'000;           // after a failure
constexpr std::int64_t rows_per_slice = 768;                  // under load: a segment needs about 20 slices
constexpr std::int64_t rows_ahead_most = 4 * rows_per_slice;  // of the upkeep, by commits that are not the thread's
// The helper starts to empty the write-ahead log at the first mark. Only when it is empty does SQLite start it over; a
// writer that never rests does the small rest itself at the second mark.
constexpr int checkpoint_pages = 4096;
constexpr int checkpoint_self_pages = 16384;
// A commit where the records come from holds up everything else there: not many at once, and not for a slow disk.
constexpr std::size_t commit_here_most = 128;  // records
constexpr std::int64_t slow_commit_us = 1000;
constexpr std::int64_t slow_pause = 20;  // times what the commit took: stalls are a twentieth of the time at most

bool has_body(const LogEntry& entry) {
    return !entry.record.request_body.empty() || !entry.record.response_body.empty();
}

}  // namespace

Writer::Writer(const LogSettings& settings, const Clock& clock, LogState& state, std::unique_ptr<Store> store)
    : settings_(settings),
      clock_(clock),
      state_(state),
      store_(std::move(store)),
      upkeep_(settings_, clock, state),
      checkpointer_(settings.file) {
    upkeep_.attach(*store_);
    last_id_ = state_.committed_id;
    thread_ = std::thread([this] { run(); });
}

Writer::~Writer() {
    stop_.store(true);
    queue_.nudge();
    thread_.join();
}

void Writer::append(LogEntry&& entry) {
    const std::int64_t bytes = weight_of(entry.record);
    queued_.fetch_add(1, std::memory_order_relaxed);
    queued_bytes_.fetch_add(bytes, std::memory_order_relaxed);
    queue_.push(std::move(entry), bytes);
}

void Writer::append_all(std::vector<LogEntry>& entries) {
    if (entries.empty() || append_here(entries)) return;
    std::int64_t bytes = 0;
    for (const auto& entry : entries) bytes += weight_of(entry.record);
    queued_.fetch_add(static_cast<std::int64_t>(entries.size()), std::memory_order_relaxed);
    queued_bytes_.fetch_add(bytes, std::memory_order_relaxed);
    queue_.push_all(entries, bytes);
}

// False when the entries are to be queued.
bool Writer::append_here(std::vector<LogEntry>& entries) {
    // A commit that waits for the disk would hold up the caller.
    if (settings_.strict || entries.size() > commit_here_most || !queue_.empty()) return false;
    if (slow_until_us_.load(std::memory_order_relaxed) > clock_.monotonic_us()) return false;
    if (std::ranges::any_of(entries, has_body)) return false;
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock || !batches_.empty() || !store_ || retry_at_us_ != 0) return false;
    if (rows_since_upkeep_ >= rows_ahead_most) return false;
    const std::int64_t start = clock_.monotonic_us(), rows_before = rows_since_upkeep_;
    batches_.push_back(queue_.fresh());
    batches_.back().entries.swap(entries);
    const bool written = write_without_waiting();
    if (written) {
        committed();
    } else {
        batches_.back().entries.swap(entries);
        batches_.clear();
    }
    const std::int64_t now = clock_.monotonic_us(), took = written ? now - start : retry_first_us;
    if (took > slow_commit_us) slow_until_us_.store(now + took * slow_pause, std::memory_order_relaxed);
    if (rows_before / rows_per_slice != rows_since_upkeep_ / rows_per_slice) queue_.nudge();
    return written;
}

bool Writer::write_without_waiting() {
    store_->set_busy_timeout(0);
    const auto written = with_sqlite("writing", settings_.file, [&]() -> Result<void> {
        try {
            store_->append(batches_, last_id_);
        } catch (const std::bad_alloc&) {
            return fail(ErrorCode::unavailable, "no memory");
        }
        return {};
    });
    store_->set_busy_timeout(writer_busy_timeout_ms);
    return written.has_value();  // the thread will meet the same failure and see to it
}

Result<void> Writer::flush(int timeout_ms) {
    std::unique_lock lock(status_mutex_);
    const std::uint64_t wanted = pass_ + 1;  // the pass under way may have taken the queue already
    queue_.nudge();
    if (passed_.wait_for(lock, std::chrono::milliseconds(timeout_ms), [&] { return passes_done_ >= wanted; }))
        return {};
    if (!problem_.empty()) return fail(ErrorCode::unavailable, problem_);
    return fail(ErrorCode::timeout, "the request log was not written within " + std::to_string(timeout_ms) + " ms");
}

LogStatus Writer::status() const {
    LogStatus status;
    status.committed = committed_.load();
    status.queued = queued_.load();
    status.queued_bytes = queued_bytes_.load();
    status.released_unsafe = released_unsafe_.load();
    const std::lock_guard lock(status_mutex_);
    status.problem = !problem_.empty() ? problem_ : upkeep_problem_;
    status.healthy = status.problem.empty();
    return status;
}

void Writer::run() {
    // Woken by the first record of a burst, it should find the burst, not stop the shard that is making it.
    platform::wake_without_preempting();
    for (;;) {
        Rest next;
        {
            const std::lock_guard lock(mutex_);
            if (!turn()) return;
            next = rest();
        }
        if (next.ignoring_queue) {
            queue_.wait_ignoring_queue(next.us);
        } else if (next.us != 0 && queue_.empty()) {
            queue_.wait(next.us);
        }
    }
}

bool Writer::turn() {
    take();
    const bool done = commit();
    if (!done) release_overdue();
    if (!stop_.load()) {
        upkeep(done && queue_.empty());
        return true;
    }
    if (done && queue_.empty()) return false;
    const std::int64_t now = clock_.monotonic_us();
    if (give_up_us_ == 0) give_up_us_ = now + settings_.commit_patience_ms * 1000ll;
    if (done || now < give_up_us_) return true;
    spdlog::error("request log: {} records could not be written: {}", queued_.load(), status().problem);
    return false;
}

void Writer::take() {
    {
        const std::lock_guard lock(status_mutex_);
        ++pass_;
    }
    const std::size_t before = batches_.size();
    queue_.take(batches_);
    if (batches_.size() > before) waiting_.push_back(Waiting{batches_.size() - before, clock_.monotonic_us()});
}

bool Writer::commit() {
    if (!batches_.empty() && (retry_at_us_ > clock_.monotonic_us() || !write())) return false;
    const std::lock_guard lock(status_mutex_);
    passes_done_ = pass_;
    passed_.notify_all();
    return true;
}

bool Writer::write() {
    bool reopen = false;
    const auto append = [&]() -> Result<void> {
        if (!store_) {
            auto opened = Store::open(settings_);
            if (!opened) return std::unexpected(opened.error());
            store_ = std::move(*opened);
            upkeep_.attach(*store_);
        }
        store_->append(batches_, last_id_);
        return {};
    };
    const auto written = with_sqlite("writing", settings_.file, append, [&](const SQLite::Exception& e) {
        reopen = e.getErrorCode() != SQLITE_BUSY && e.getErrorCode() != SQLITE_FULL;
    });
    if (written) {
        committed();
        return true;
    }
    failed(written.error());
    if (reopen) {
        upkeep_.detach();
        store_.reset();
    }
    return false;
}

void Writer::committed() {
    std::int64_t rows = 0, queued = 0, bytes = 0;
    for (const auto& batch : batches_) {
        const auto count = static_cast<std::int64_t>(batch.entries.size());
        rows += count;
        if (batch.bytes > 0) queued += count;
        bytes += batch.bytes;
    }
    last_id_ += rows;
    upkeep_.added(batches_, last_id_);
    committed_.fetch_add(rows);
    queued_.fetch_sub(queued);
    queued_bytes_.fetch_sub(bytes);
    tell(told_, batches_.size(), true);
    for (auto& batch : batches_) queue_.recycle(std::move(batch));
    batches_.clear();
    waiting_.clear();
    told_ = 0;
    rows_since_upkeep_ += rows;
    if (retry_at_us_ != 0) {
        spdlog::warn("request log: writing works again");
        retry_at_us_ = retry_delay_us_ = 0;
        const std::lock_guard lock(status_mutex_);
        problem_.clear();
    }
}

void Writer::failed(const Error& error) {
    retry_delay_us_ = std::clamp(retry_delay_us_ * 2, retry_first_us, retry_most_us);
    if (retry_at_us_ == 0) spdlog::error("request log: {}; records wait in memory", error.message);
    retry_at_us_ = clock_.monotonic_us() + retry_delay_us_;
    const std::lock_guard lock(status_mutex_);
    problem_ = error.message;
}

void Writer::release_overdue() {
    const std::int64_t now = clock_.monotonic_us();
    std::size_t overdue = told_, reached = 0;
    for (const auto& group : waiting_) {
        reached += group.batches;
        if (now - group.since_us < settings_.commit_patience_ms * 1000ll) break;
        overdue = std::max(overdue, reached);
    }
    if (overdue == told_) return;
    std::int64_t rows = 0;
    for (std::size_t i = told_; i < overdue; ++i) rows += static_cast<std::int64_t>(batches_[i].entries.size());
    released_unsafe_.fetch_add(rows);
    tell(told_, overdue, false);
    told_ = overdue;
}

void Writer::tell(std::size_t first_batch, std::size_t last_batch, bool safe) {
    for (std::size_t i = first_batch; i < last_batch; ++i) {
        for (const auto& item : batches_[i].entries) {
            if (item.sink == nullptr) continue;
            auto known = std::ranges::find(tickets_, item.sink, [](const auto& entry) { return entry.first; });
            if (known == tickets_.end()) known = tickets_.insert(known, {item.sink, {}});
            known->second.push_back(item.ticket);
        }
    }
    for (auto& [sink, tickets] : tickets_) {
        if (tickets.empty()) continue;
        sink->committed(tickets, safe);
        tickets.clear();
    }
}

void Writer::upkeep(bool idle) {
    upkeep_idle_ = true;
    if (!store_ || retry_at_us_ != 0) return;
    if (upkeep_at_us_ != 0 && clock_.monotonic_us() < upkeep_at_us_) return;
    const auto done = with_sqlite("keeping up", settings_.file, [&]() -> Result<void> {
        if (idle) {
            upkeep_idle_ = !upkeep_.step();
            rows_since_upkeep_ = upkeep_idle_ ? 0 : std::max<std::int64_t>(0, rows_since_upkeep_ - rows_per_slice);
        } else {
            for (; rows_since_upkeep_ >= rows_per_slice; rows_since_upkeep_ -= rows_per_slice) {
                if (!upkeep_.step()) rows_since_upkeep_ = 0;
            }
        }
        watch_wal();
        return {};
    });
    if (done && upkeep_at_us_ == 0) return;
    if (!done && upkeep_at_us_ == 0) spdlog::error("request log: {}", done.error().message);
    upkeep_at_us_ = done ? 0 : clock_.monotonic_us() + upkeep_pause_us;
    const std::lock_guard lock(status_mutex_);
    upkeep_problem_ = done ? std::string() : done.error().message;
}

void Writer::watch_wal() {
    const int pages = store_->wal_pages();
    if (pages < checkpoint_pages) {
        wal_stage_ = WalStage::small;
    } else if (wal_stage_ == WalStage::small) {
        store_->let_checkpoints_pass();
        if (checkpointer_.request()) wal_stage_ = WalStage::growing;
        next_self_pages_ = checkpoint_self_pages;
    } else if (wal_stage_ == WalStage::growing && pages >= next_self_pages_) {
        store_->let_checkpoints_pass();
        if (checkpointer_.request()) wal_stage_ = WalStage::nearly_moved;
    } else if (wal_stage_ == WalStage::nearly_moved && checkpointer_.idle()) {
        store_->checkpoint();
        wal_stage_ = WalStage::growing;  // a reader may still need it
        next_self_pages_ = pages + checkpoint_self_pages;
    }
}

Writer::Rest Writer::rest() const {
    if (retry_at_us_ != 0) {
        const std::int64_t left = retry_at_us_ - clock_.monotonic_us();
        return Rest{std::clamp<std::int64_t>(left, 0, retry_first_us), true};
    }
    if (!upkeep_idle_) return Rest{};
    if (upkeep_at_us_ != 0) return Rest{std::max<std::int64_t>(0, upkeep_at_us_ - clock_.monotonic_us())};
    return Rest{upkeep_.until_next_us()};
}

}  // namespace lurus::log
