#pragma once
// Queries, on connections of their own.

#include <filesystem>
#include <memory>
#include <mutex>
#include <vector>

#include "core/db/sqlite.hpp"
#include "lurus/store/record_queries.hpp"
#include "modules/log/journal/state.hpp"
#include "modules/log/queries/usage_sum.hpp"

namespace lurus::log {

/// One connection with its statements; one thread at a time.
class Reader {
public:
    explicit Reader(std::unique_ptr<SQLite::Database> db);
    ~Reader();

    std::vector<RequestRecord> query(LogState& state, const LogFilter& filter);
    std::optional<RequestRecord> find(LogState& state, const Id& record_id, const UserSet* users);
    std::vector<RequestRecord> trace(LogState& state, const Id& trace_id, const UserSet* users);
    std::vector<UsageRow> usage(LogState& state, UnixMicros since, UnixMicros until, UsageBy by, const UserSet* users);

    struct Statements;

private:
    struct Segment;
    struct Search;

    /// With the state's mutex held.
    static std::vector<Segment> open_segments(const LogState& state);
    std::vector<Segment> with_closed(std::vector<Segment> open);
    std::vector<RequestRecord> search(LogState& state, Search search);
    void add_bodies(RequestRecord& record);
    /// False when `out` is full.
    bool scan(const Segment& segment, const Search& search, std::vector<RequestRecord>& out);
    /// Keeps in `rows` those that may be of one of these users.
    void narrow_to_users(const Segment& segment, const UserSet& users, RowSet& rows);
    void narrow(const Segment& segment, const Wanted& wanted, RowSet& rows);
    /// False when there are none.
    bool candidates(const Segment& segment, const Search& search, RowSet& rows);
    BlockTimes block_times(const Segment& segment);
    void add_booked(SqliteStatement& select, std::int64_t begin, std::int64_t end, std::int64_t unit, UsageSum& sum);
    void add_rows(const std::vector<Segment>& segments, const UsageRange::Part& part, UsageSum& sum);

    std::unique_ptr<SQLite::Database> db_;
    std::unique_ptr<Statements> sql_;
};

/// Any thread.
class ReaderPool {
public:
    explicit ReaderPool(std::filesystem::path file) : file_(std::move(file)) {}

    /// `work(reader)`, or why it could not be read. A reader that failed is not used again.
    template <class Work>
    auto with(Work work) -> Result<decltype(work(std::declval<Reader&>()))> {
        auto reader = take();
        if (!reader) return std::unexpected(reader.error());
        return with_sqlite("reading", file_, [&]() -> Result<decltype(work(**reader))> {
            auto result = work(**reader);
            give_back(std::move(*reader));
            return result;
        });
    }

private:
    Result<std::unique_ptr<Reader>> take();
    void give_back(std::unique_ptr<Reader> reader);

    std::filesystem::path file_;
    std::mutex mutex_;
    std::vector<std::unique_ptr<Reader>> idle_;
};

}  // namespace lurus::log
