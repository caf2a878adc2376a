#pragma once
// Port: reading records of requests: pages and the live tail, one record, one trace, sums.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lurus/principal.hpp"
#include "lurus/record.hpp"
#include "lurus/result.hpp"

namespace lurus {

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

/// `key`, `user`, `team` and `org` are told apart by their ids, however they are named.
enum class UsageBy { model, provider, key, user, team, org, day, hour };

struct UsageRow {
    std::string group;  // empty = unknown, or none. A key's is the name it had last; a team's and organisation's the id
    std::string id;     // of the key, user, team or organisation; empty = unknown, or none
    std::int64_t requests = 0;
    std::int64_t errors = 0;    // ended in `error` or `upstream_cut`
    std::int64_t unpriced = 0;  // requests that have no cost
    std::int64_t input = 0, cache_read = 0, cache_write_5m = 0, cache_write_1h = 0, output = 0, reasoning = 0;
    Money cost;
    std::int64_t duration_us = 0;  // summed
};

/// Any thread; may block. Everything that the journal has announced as committed is seen. `users`: whose records count
/// or are shown; null = everybody's.
class RecordQueries {
public:
    virtual ~RecordQueries() = default;

    /// Newest first (oldest first with `after_id`). Bodies are not in the rows; `find` and `trace` have them.
    virtual Result<std::vector<RequestRecord>> query(const LogFilter& filter) = 0;
    /// By `record_id`; `not_found` when there is none.
    virtual Result<RequestRecord> find(const Id& record_id, const UserSet* users = nullptr) = 0;
    /// The records of a trace id (a caller may reuse one), newest first, at most 1000.
    virtual Result<std::vector<RequestRecord>> trace(const Id& trace_id, const UserSet* users = nullptr) = 0;
    /// Totals over [since, until), exact, whole hours only where retention has removed the rows. Days and hours are
    /// UTC. Sorted by cost, then requests, largest first (day, hour: by time).
    virtual Result<std::vector<UsageRow>> usage(UnixMicros since, UnixMicros until, UsageBy by,
                                                const UserSet* users = nullptr) = 0;
};

}  // namespace lurus
