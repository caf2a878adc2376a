#pragma once
// The statements of the upkeep.

#include "modules/log/journal/upkeep.hpp"

namespace lurus::log {

inline std::string book_sql(const char* table, const char* bucket) {
    constexpr const char* sums[] = {"requests",   "errors",         "unpriced",       "input",
                                    "cache_read", "cache_write_5m", "cache_write_1h", "output",
                                    "reasoning",  "cost_nano_usd",  "duration_us"};
    static_assert(std::size(sums) == std::size(sums_members));
    std::string columns, values, update;
    for (const char* sum : sums) {
        columns += std::string(", ") + sum;
        values += ", ?";
        update += std::string(update.empty() ? "" : ", ") + sum + " = " + sum + " + excluded." + sum;
    }
    return std::string("INSERT INTO ") + table + " (" + bucket + ", group_id" + columns + ") VALUES (?, ?" + values +
           ") ON CONFLICT DO UPDATE SET " + update;
}

struct Upkeep::Statements {
    explicit Statements(SQLite::Database& db)
        : rows(db),
          insert_posting(db, "INSERT OR REPLACE INTO posting (id, data) VALUES (?, ?)"),
          insert_segment(db, "INSERT OR REPLACE INTO segment (id, min_time, max_time, blocks) VALUES (?, ?, ?, ?)"),
          find_group(db,
                     "SELECT id FROM rollup_group WHERE model = ? AND provider = ? AND key = ? AND user = ? AND "
                     "key_id = ? AND team_id = ? AND org_id = ?"),
          insert_group(db,
                       "INSERT INTO rollup_group (model, provider, key, user, key_id, team_id, org_id) "
                       "VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id"),
          book_hour(db, book_sql("rollup_hour", "hour")),
          book_minute(db, book_sql("rollup_minute", "minute")),
          set_cursor(db, "UPDATE rollup_state SET done_to = ?, doing_to = ?, doing_group = ?"),
          set_kept_from(db, "UPDATE rollup_state SET kept_from = max(kept_from, ?)"),
          cut_row_batch(db, "UPDATE chunk SET id = ?, rows = ? WHERE id = ?"),
          delete_row_batches(db, "DELETE FROM chunk WHERE id <= ?"),
          delete_bodies(db, "DELETE FROM body WHERE id <= ?"),
          oldest_segment(db, "SELECT id FROM segment ORDER BY id LIMIT 1"),
          delete_postings(db, "DELETE FROM posting WHERE id < ?"),
          delete_shared_names(db, "DELETE FROM origin WHERE id < ?"),
          delete_segment(db, "DELETE FROM segment WHERE id = ?"),
          oldest_minute(db, "SELECT min(minute) FROM rollup_minute"),
          delete_minutes(db, "DELETE FROM rollup_minute WHERE minute < ?") {}

    RowCursor rows;
    SqliteStatement insert_posting, insert_segment;
    SqliteStatement find_group, insert_group, book_hour, book_minute, set_cursor;
    SqliteStatement set_kept_from, cut_row_batch, delete_row_batches, delete_bodies;
    SqliteStatement oldest_segment, delete_postings, delete_shared_names, delete_segment, oldest_minute, delete_minutes;
};

}  // namespace lurus::log
