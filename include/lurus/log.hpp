#pragma once
// Port: the journal and the request log. One append path; everything else is a cursor over it.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lurus/api.hpp"
#include "lurus/record.hpp"
#include "lurus/result.hpp"

namespace lurus {

/// Told which appended records are safe: on the writer's thread, or on the thread that is in `append_all`. One per
/// shard: a batch arrives in one call, so that an implementation posts to its shard once. Outlives every append that
/// names it. Must not append itself.
class CommitSink {
public:
    virtual ~CommitSink() = default;
    /// `safe` is false when the records could not be written within `LogSettings::commit_patience_ms`; they stay queued
    /// in memory and are tried again.
    virtual void committed(std::span<const std::uint64_t> tickets, bool safe) noexcept = 0;
};

/// A record on its way into the log.
struct LogEntry {
    RequestRecord record;
    std::uint64_t ticket = 0;
    CommitSink* sink = nullptr;
};

struct LogFilter {
    std::optional<std::string> key, user, model, upstream_model, provider, account, route, client, session;
    std::optional<Dialect> dialect;
    std::optional<End> end;
    std::optional<int> status;
    std::optional<bool> stream;
    std::optional<UnixMicros> since, until;  // [since, until)
    std::shared_ptr<const UserSet> users;    // only records of these; null = all
    std::optional<std::int64_t> before_id;   // keyset paging, newest first
    std::optional<std::int64_t> after_id;    // the live tail: oldest first
    int limit = 50;                          // 1 .. 1000
};

enum class UsageBy { model, provider, key, user, day, hour };

struct UsageRow {
    std::string group;  // empty name = unknown
    std::int64_t requests = 0;
    std::int64_t errors = 0;    // ended in `error` or `upstream_cut`
    std::int64_t unpriced = 0;  // requests that have no cost
    std::int64_t input = 0, cache_read = 0, cache_write_5m = 0, cache_write_1h = 0, output = 0, reasoning = 0;
    Money cost;
    std::int64_t duration_us = 0;  // summed
};

/// Whose records this principal may see; null = all of them.
using RecordScope = std::function<Result<std::shared_ptr<const UserSet>>(const Principal& principal)>;

/// What `/health` and `/metrics` show.
struct LogStatus {
    bool healthy = true;
    std::string problem;         // empty, or why it is not
    std::int64_t committed = 0;  // since start
    std::int64_t queued = 0;
    std::int64_t queued_bytes = 0;
    std::int64_t released_unsafe = 0;  // answers let go before their record was safe
};

struct LogSettings {
    std::filesystem::path file;  // data/log.db
    std::int64_t queue_cap_bytes = 64 << 20;
    int commit_patience_ms = 5000;
    bool strict = false;     // true: a commit survives power loss (synchronous=FULL)
    int retention_days = 0;  // 0 = keep everything
};

/// Any thread. Owned by the app; destroyed after the gateway; the destructor drains the queue.
class RequestLog {
public:
    virtual ~RequestLog() = default;

    /// Queues the record; never blocks. `sink->committed` follows with `ticket`, unless `sink` is null.
    virtual void append(RequestRecord&& record, std::uint64_t ticket, CommitSink* sink) noexcept = 0;
    /// The same for all entries at once; takes them and leaves the vector empty. While the file answers quickly and no
    /// other thread writes, they are committed here, without a change of threads.
    virtual void append_all(std::vector<LogEntry>& entries) noexcept = 0;
    /// False when the queue is over its cap: new requests are to be refused (503) until it is true again.
    [[nodiscard]] virtual bool has_room() const noexcept = 0;
    /// Returns when everything appended before the call is committed, or with an error after `timeout_ms`.
    virtual Result<void> flush(int timeout_ms) = 0;
    [[nodiscard]] virtual LogStatus status() const = 0;

    /// Newest first (oldest first with `after_id`). Bodies are not in the rows; `trace` has them.
    virtual Result<std::vector<RequestRecord>> query(const LogFilter& filter) = 0;
    /// `users`: null = everybody's. The records of a trace id (a caller may reuse one), newest first, at most 1000;
    /// with their bodies.
    virtual Result<std::vector<RequestRecord>> trace(const Id& trace_id, const UserSet* users = nullptr) = 0;
    /// Totals over [since, until), exact, whole hours only where retention has removed the rows. Days and hours are
    /// UTC. Sorted by cost, then requests, largest first (day, hour: by time).
    virtual Result<std::vector<UsageRow>> usage(UnixMicros since, UnixMicros until, UsageBy by,
                                                const UserSet* users = nullptr) = 0;

    /// `/api/v1/logs`, `/api/v1/usage`, `/api/v1/traces/{id}`, `/api/v1/stats`. Each shows what `scope` lets through.
    [[nodiscard]] virtual std::vector<ApiRoute> api(RecordScope scope) = 0;
};

/// Opens or makes the file and runs its migrations. `corrupt` when it is not ours or newer than this program.
Result<std::unique_ptr<RequestLog>> make_request_log_sqlite(const LogSettings& settings, const Clock& clock);

/// The record as the one-line JSON object that `lurus logs --json` prints.
std::string to_json(const RequestRecord& record);

}  // namespace lurus
