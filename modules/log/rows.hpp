#pragma once
// The record table's columns, in one place for who writes and who reads them.

#include "core/sqlite.hpp"
#include "lurus/record.hpp"

namespace lurus::log {

/// `INSERT INTO record (...) VALUES (?, ...)`.
std::string insert_record_sql();
/// Binds without copying: the record and `detail` must live until the statement has run. Empty texts are NULL.
void bind_record(SqliteStatement& insert, const RequestRecord& record, const std::string& detail);

/// `SELECT <columns> FROM record`.
std::string select_record_sql();
/// Everything but what the detail column holds.
RequestRecord record_from(const SqliteStatement& row);
UnixMicros time_of(const SqliteStatement& row);
/// The detail column of the same row; corrupt text leaves the attempts empty.
void add_detail(const SqliteStatement& row, RequestRecord& record);

/// `SELECT <what sums need> FROM record`.
std::string select_sums_sql();
/// A record of which only sums_of and the group's names are meant.
RequestRecord sums_record_from(const SqliteStatement& row);

}  // namespace lurus::log
