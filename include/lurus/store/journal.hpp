#pragma once
// Port: the journal, which records of requests are appended to. Everything else reads it as a cursor.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lurus/record.hpp"
#include "lurus/result.hpp"

namespace lurus {

/// Told which appended records are safe: on the writer's thread, or on the thread that is in `append_all`. One per
/// shard: a batch arrives in one call, so that an implementation posts to its shard once. Outlives every append that
/// names it. Must not append itself.
class CommitSink {
public:
    virtual ~CommitSink() = default;
    /// `safe` is false when the records could not be written in the time that the journal is given for it; they stay
    /// queued in memory and are tried again.
    virtual void committed(std::span<const std::uint64_t> tickets, bool safe) noexcept = 0;
};

/// A record on its way into the journal.
struct LogEntry {
    RequestRecord record;
    std::uint64_t ticket = 0;
    CommitSink* sink = nullptr;
};

/// What `/health` and `/metrics` show.
struct LogStatus {
    bool healthy = true;
    std::string problem;         // empty, or why it is not
    std::int64_t committed = 0;  // since start
    std::int64_t queued = 0;
    std::int64_t queued_bytes = 0;
    std::int64_t released_unsafe = 0;  // answers let go before their record was safe
};

/// Any thread. Owned by the app; destroyed after the gateway; the destructor drains the queue.
class Journal {
public:
    virtual ~Journal() = default;

    /// Queues the record; never blocks. `sink->committed` follows with `ticket`, unless `sink` is null.
    virtual void append(RequestRecord&& record, std::uint64_t ticket, CommitSink* sink) noexcept = 0;
    /// The same for all entries at once; takes them and leaves the vector empty. While the store answers quickly and no
    /// other thread writes, they are committed here, without a change of threads.
    virtual void append_all(std::vector<LogEntry>& entries) noexcept = 0;
    /// False when the queue is over its cap: new requests are to be refused (503) until it is true again.
    [[nodiscard]] virtual bool has_room() const noexcept = 0;
    /// Returns when everything appended before the call is committed, or with an error after `timeout_ms`.
    virtual Result<void> flush(int timeout_ms) = 0;
    [[nodiscard]] virtual LogStatus status() const = 0;
};

}  // namespace lurus
