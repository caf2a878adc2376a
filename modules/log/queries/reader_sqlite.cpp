#include <sqlite3.h>

#include <algorithm>

#include "modules/log/journal/store.hpp"
#include "modules/log/queries/reader_sql.hpp"

namespace lurus::log {
namespace {

constexpr std::size_t idle_readers_most = 4;
constexpr int trace_most = 1000;
constexpr std::size_t users_narrowed_most = 256;  // beyond, reading the rows is cheaper than their postings

}  // namespace

struct Reader::Search {
    std::vector<Wanted> wanted;
    LogFilter filter;
    std::optional<Id> trace_id, record_id;
    std::int64_t first = 1, last = INT64_MAX;  // ids, both included
    std::size_t most = 0;
    bool oldest_first = false;
};

Reader::Reader(std::unique_ptr<SQLite::Database> db) : db_(std::move(db)), sql_(std::make_unique<Statements>(*db_)) {}
Reader::~Reader() = default;

// Memory first, the database after it: a segment that closes in between is in both, none is in neither.
std::vector<Reader::Segment> Reader::open_segments(const LogState& state) {
    std::vector<Segment> found;
    for (const auto& open : state.open) {
        const std::int64_t shown = state.committed_id - first_id_of(open->number()) + 1;
        if (shown <= 0) break;
        Segment segment;
        segment.number = open->number();
        segment.times = TimeRange{INT64_MIN, INT64_MAX};
        segment.open = open;
        segment.count = static_cast<int>(std::min(shown, segment_rows));
        found.push_back(std::move(segment));
    }
    return found;
}

std::vector<Reader::Segment> Reader::with_closed(std::vector<Segment> open) {
    std::vector<Segment> all;
    for (auto& row = sql_->segments; row.step();) {
        Segment segment;
        segment.number = row.integer(0);
        segment.times = TimeRange{row.integer(1), row.integer(2)};
        if (open.empty() || segment.number < open.front().number) all.push_back(std::move(segment));
    }
    std::ranges::move(open, std::back_inserter(all));
    return all;
}

bool Reader::candidates(const Segment& segment, const Search& search, RowSet& rows) {
    rows.set();
    const std::int64_t first = first_id_of(segment.number);
    if (search.first > first) {
        const auto cut = static_cast<std::size_t>(search.first - first);
        rows >>= cut;
        rows <<= cut;
    }
    const std::int64_t end = std::min<std::int64_t>(segment.count, search.last - first + 1);
    if (end < segment_rows) {
        const auto cut = static_cast<std::size_t>(segment_rows - std::max<std::int64_t>(end, 0));
        rows <<= cut;
        rows >>= cut;
    }
    for (const auto& wanted : search.wanted) {
        narrow(segment, wanted, rows);
        if (rows.none()) return false;
    }
    if (search.filter.users && search.filter.users->size() <= users_narrowed_most) {
        narrow_to_users(segment, *search.filter.users, rows);
    }
    return rows.any();
}

void Reader::narrow(const Segment& segment, const Wanted& wanted, RowSet& rows) {
    if (segment.open) {
        segment.open->narrow(wanted, segment.count, rows);
        return;
    }
    auto& posting = sql_->posting;
    posting.bind(1, posting_id(segment.number, static_cast<int>(wanted.dimension), wanted.hash));
    if (!posting.step()) {
        rows.reset();
        return;
    }
    const auto data = posting.blob(0);
    const bool sound = narrow_by_posting(data.data(), data.size(), wanted.hash, rows);
    posting.reset();
    if (!sound)
        throw SQLite::Exception("a posting of segment " + std::to_string(segment.number) + " is damaged",
                                SQLITE_CORRUPT);
}

void Reader::narrow_to_users(const Segment& segment, const UserSet& users, RowSet& rows) {
    RowSet any;
    for (const auto& user : users) {
        RowSet of_user = rows;
        narrow(segment, Wanted{Dimension::user, hash_of(user)}, of_user);
        any |= of_user;
    }
    rows = any;
}

bool Reader::scan(const Segment& segment, const Search& search, std::vector<RequestRecord>& out) {
    RowSet rows;
    if (!candidates(segment, search, rows)) return true;
    BlockTimes blocks;
    const bool timed = search.filter.since || search.filter.until;
    const UnixMicros since = search.filter.since.value_or(INT64_MIN), until = search.filter.until.value_or(INT64_MAX);
    if (timed) blocks = block_times(segment);
    const std::int64_t first = first_id_of(segment.number);
    for (int i = 0; i < segment_rows; ++i) {
        const int offset = search.oldest_first ? i : static_cast<int>(segment_rows) - 1 - i;
        if (timed && i % block_rows == 0 &&
            !blocks[static_cast<std::size_t>(offset / block_rows)].touches(since, until)) {
            i += block_rows - 1;
            continue;
        }
        if (!rows.test(static_cast<std::size_t>(offset))) continue;
        auto& rows_at = sql_->rows;
        if (!rows_at.seek(first + offset) || rows_at.id() != first + offset) continue;  // removed since
        if (timed && (rows_at.time() < since || rows_at.time() >= until)) continue;
        RequestRecord record = rows_at.record();
        if (matches(search.filter, record) && (!search.trace_id || *search.trace_id == record.trace_id) &&
            (!search.record_id || *search.record_id == record.record_id)) {
            out.push_back(std::move(record));
        }
        if (out.size() >= search.most) return false;
    }
    return true;
}

BlockTimes Reader::block_times(const Segment& segment) {
    if (segment.open) return segment.open->block_times(segment.count);
    BlockTimes blocks;
    auto& row = sql_->blocks;
    row.bind(1, segment.number);
    if (!row.step()) return blocks;
    const auto data = row.blob(0);
    const bool sound = decode_blocks(data.data(), data.size(), blocks);
    row.reset();
    if (!sound) throw SQLite::Exception("segment " + std::to_string(segment.number) + " is damaged", SQLITE_CORRUPT);
    return blocks;
}

std::vector<RequestRecord> Reader::search(LogState& state, Search search) {
    std::vector<Segment> open;
    {
        const std::lock_guard lock(state.mutex);
        open = open_segments(state);
    }
    const ReadTransaction transaction(*sql_);
    std::vector<Segment> all = with_closed(std::move(open));
    if (sql_->first_id.step()) search.first = std::max(search.first, sql_->first_id.integer(0));
    sql_->first_id.reset();
    if (!search.oldest_first) std::ranges::reverse(all);
    std::vector<RequestRecord> found;
    for (const auto& segment : all) {
        const std::int64_t first = first_id_of(segment.number);
        if (first > search.last || first + segment.count - 1 < search.first) continue;
        if (!segment.times.touches(search.filter.since.value_or(INT64_MIN), search.filter.until.value_or(INT64_MAX)))
            continue;
        if (!scan(segment, search, found)) break;
    }
    return found;
}

std::vector<RequestRecord> Reader::query(LogState& state, const LogFilter& filter) {
    Search search;
    search.wanted = wanted_by(filter);
    search.filter = filter;
    search.most = static_cast<std::size_t>(filter.limit);
    search.oldest_first = filter.after_id.has_value();
    if (filter.after_id) search.first = std::max<std::int64_t>(1, *filter.after_id + 1);
    if (filter.before_id) search.last = *filter.before_id - 1;
    return this->search(state, std::move(search));
}

std::vector<RequestRecord> Reader::trace(LogState& state, const Id& trace_id, const UserSet* users) {
    Search search;
    search.wanted.push_back(Wanted{Dimension::trace, hash_of(trace_id)});
    search.trace_id = trace_id;
    if (users != nullptr) search.filter.users = std::make_shared<const UserSet>(*users);
    search.most = trace_most;
    auto found = this->search(state, std::move(search));
    for (auto& record : found) add_bodies(record);
    return found;
}

std::optional<RequestRecord> Reader::find(LogState& state, const Id& record_id, const UserSet* users) {
    Search search;
    search.record_id = record_id;
    search.filter.since = record_id.unix_ms() * 1000;  // a record's id carries its time
    search.filter.until = *search.filter.since + 1000;
    if (users != nullptr) search.filter.users = std::make_shared<const UserSet>(*users);
    search.most = 1;
    auto found = this->search(state, std::move(search));
    if (found.empty()) return std::nullopt;
    add_bodies(found.front());
    return std::move(found.front());
}

void Reader::add_bodies(RequestRecord& record) {
    auto& body = sql_->body;
    body.bind(1, record.id);
    if (!body.step()) return;
    auto request = decompress(body.blob(0));
    auto response = decompress(body.blob(1));
    body.reset();
    if (!request || !response)
        throw SQLite::Exception("body " + std::to_string(record.id) + " is damaged", SQLITE_CORRUPT);
    record.request_body = std::move(*request);
    record.response_body = std::move(*response);
}

Result<std::unique_ptr<Reader>> ReaderPool::take() {
    {
        const std::lock_guard lock(mutex_);
        if (!idle_.empty()) {
            auto reader = std::move(idle_.back());
            idle_.pop_back();
            return reader;
        }
    }
    auto db = open_sqlite_reader(file_);
    if (!db) return std::unexpected(db.error());
    return with_sqlite("reading", file_,
                       [&]() -> Result<std::unique_ptr<Reader>> { return std::make_unique<Reader>(std::move(*db)); });
}

void ReaderPool::give_back(std::unique_ptr<Reader> reader) {
    const std::lock_guard lock(mutex_);
    if (idle_.size() < idle_readers_most) idle_.push_back(std::move(reader));
}

}  // namespace lurus::log
