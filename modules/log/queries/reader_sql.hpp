#pragma once
// What the readers' sources share.

#include "modules/log/journal/row_batch.hpp"
#include "modules/log/queries/reader.hpp"

namespace lurus::log {

struct Reader::Statements {
    explicit Statements(SQLite::Database& db)
        : begin(db, "BEGIN"),
          end(db, "COMMIT"),
          first_id(db, "SELECT coalesce(min(id), 0), (SELECT kept_from FROM rollup_state) FROM chunk"),
          segments(db, "SELECT id, min_time, max_time FROM segment ORDER BY id"),
          blocks(db, "SELECT blocks FROM segment WHERE id = ?"),
          posting(db, "SELECT data FROM posting WHERE id = ?"),
          rows(db),
          body(db, "SELECT request, response FROM body WHERE id = ?"),
          hours(db, rollup_sql("rollup_hour", "hour")),
          minutes(db, rollup_sql("rollup_minute", "minute")),
          group(db, "SELECT model, provider, key, user, key_id, team_id, org_id FROM rollup_group WHERE id = ?") {}

    static std::string rollup_sql(const char* table, const char* bucket) {
        return std::string("SELECT ") + bucket +
               ", group_id, requests, errors, unpriced, input, cache_read, cache_write_5m, cache_write_1h, output, "
               "reasoning, "
               "cost_nano_usd, duration_us FROM " +
               table + " WHERE " + bucket + " >= ? AND " + bucket + " < ?";
    }

    SqliteStatement begin, end, first_id, segments, blocks, posting;
    RowCursor rows;
    SqliteStatement body, hours, minutes, group;
};

/// A closed segment, or (with `open`) the part of an open one that may be shown.
struct Reader::Segment {
    std::int64_t number = 0;
    TimeRange times;
    std::shared_ptr<const OpenSegment> open;
    int count = segment_rows;
};

/// All reads of one question see the same moment of the file.
class ReadTransaction {
public:
    explicit ReadTransaction(Reader::Statements& sql) : end_(sql.end) {
        sql.rows.forget();
        sql.begin.run();
    }
    ~ReadTransaction() {
        // Where it fails, the connection is dropped by the exception that led here, or by the next use.
        static_cast<void>(end_.try_run());
    }
    ReadTransaction(const ReadTransaction&) = delete;
    ReadTransaction& operator=(const ReadTransaction&) = delete;

private:
    SqliteStatement& end_;
};

}  // namespace lurus::log
