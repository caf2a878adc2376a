#include <algorithm>

#include "modules/log/record_json.hpp"
#include "modules/log/rows.hpp"

namespace lurus::log {
namespace {

// In the order of the table; `Column` names their places, from 0.
constexpr std::string_view columns =
    "id, time, duration_us, ending, status, stream, dialect, upstream_dialect, input, cache_read, cache_write_5m, "
    "cache_write_1h, output, reasoning, cost_nano_usd, model, provider, key, user, trace_id, upstream_model, account, "
    "route, "
    "client, session, operation, error, ttfb_us, bytes_in, bytes_out, tariff, usage_raw, detail";
enum Column : int {
    id_,
    time_,
    duration_us_,
    ending_,
    status_,
    stream_,
    dialect_,
    upstream_dialect_,
    input_,
    cache_read_,
    cache_write_5m_,
    cache_write_1h_,
    output_,
    reasoning_,
    cost_,
    model_,
    provider_,
    key_,
    user_,
    trace_id_,
    upstream_model_,
    account_,
    route_,
    client_,
    session_,
    operation_,
    error_,
    ttfb_us_,
    bytes_in_,
    bytes_out_,
    tariff_,
    usage_raw_,
    detail_,
    column_count,
};
constexpr int sums_columns = user_ + 1;

struct TextColumn {
    Column column;
    std::string RequestRecord::* text;
};
constexpr TextColumn texts[] = {
    {model_, &RequestRecord::model},
    {provider_, &RequestRecord::provider},
    {key_, &RequestRecord::key},
    {user_, &RequestRecord::user},
    {upstream_model_, &RequestRecord::upstream_model},
    {account_, &RequestRecord::account},
    {route_, &RequestRecord::route},
    {client_, &RequestRecord::client},
    {session_, &RequestRecord::session},
    {operation_, &RequestRecord::operation},
    {error_, &RequestRecord::error},
    {tariff_, &RequestRecord::tariff},
    {usage_raw_, &RequestRecord::usage_raw},
};

struct CountColumn {
    Column column;
    std::optional<std::int64_t> Usage::* count;
};
constexpr CountColumn counts[] = {
    {input_, &Usage::input},
    {cache_read_, &Usage::cache_read},
    {cache_write_5m_, &Usage::cache_write_5m},
    {cache_write_1h_, &Usage::cache_write_1h},
    {output_, &Usage::output},
    {reasoning_, &Usage::reasoning},
};

template <class Enum>
Enum enum_from(std::int64_t value, Enum last) {
    return value >= 0 && value <= static_cast<std::int64_t>(last) ? static_cast<Enum>(value) : last;
}

void read_numbers(const SqliteStatement& row, RequestRecord& record) {
    record.id = row.integer(id_);
    record.time = row.integer(time_);
    record.duration_us = row.integer(duration_us_);
    record.end = enum_from(row.integer(ending_), End::error);
    record.status = static_cast<int>(row.integer(status_));
    record.stream = row.integer(stream_) != 0;
    record.dialect = enum_from(row.integer(dialect_), Dialect::gemini);
    record.upstream_dialect = enum_from(row.integer(upstream_dialect_), Dialect::gemini);
    for (const auto& count : counts) record.usage.*count.count = row.integer_if_any(count.column);
    if (const auto cost = row.integer_if_any(cost_)) record.cost = Money{*cost};
}

std::string select_sql(std::string_view what) {
    std::string sql("SELECT ");
    sql += what;
    sql += " FROM record";
    return sql;
}

}  // namespace

std::string insert_record_sql() {
    std::string sql("INSERT INTO record (");
    sql += columns;
    sql += ") VALUES (?";
    for (int i = 1; i < column_count; ++i) sql += ", ?";
    sql += ')';
    return sql;
}

void bind_record(SqliteStatement& insert, const RequestRecord& record, const std::string& detail) {
    insert.clear();
    insert.bind(id_ + 1, record.id);
    insert.bind(time_ + 1, record.time);
    insert.bind(duration_us_ + 1, record.duration_us);
    insert.bind(ending_ + 1, static_cast<std::int64_t>(record.end));
    insert.bind(status_ + 1, record.status);
    insert.bind(stream_ + 1, record.stream ? 1 : 0);
    insert.bind(dialect_ + 1, static_cast<std::int64_t>(record.dialect));
    insert.bind(upstream_dialect_ + 1, static_cast<std::int64_t>(record.upstream_dialect));
    for (const auto& count : counts) {
        if (const auto& value = record.usage.*count.count) insert.bind(count.column + 1, *value);
    }
    if (record.cost) insert.bind(cost_ + 1, record.cost->nano_usd);
    for (const auto& text : texts) {
        const std::string& value = record.*text.text;
        if (!value.empty()) insert.bind_text(text.column + 1, value);
    }
    insert.bind_blob(trace_id_ + 1, record.trace_id.bytes.data(), record.trace_id.bytes.size());
    if (record.ttfb_us) insert.bind(ttfb_us_ + 1, *record.ttfb_us);
    insert.bind(bytes_in_ + 1, record.bytes_in);
    insert.bind(bytes_out_ + 1, record.bytes_out);
    if (!detail.empty()) insert.bind_text(detail_ + 1, detail);
}

std::string select_record_sql() {
    return select_sql(columns);
}

RequestRecord record_from(const SqliteStatement& row) {
    RequestRecord record;
    read_numbers(row, record);
    for (const auto& text : texts) record.*text.text = row.text(text.column);
    const auto trace = row.blob(trace_id_);
    if (trace.size() == record.trace_id.bytes.size()) std::ranges::copy(trace, record.trace_id.bytes.begin());
    record.ttfb_us = row.integer_if_any(ttfb_us_);
    record.bytes_in = row.integer(bytes_in_);
    record.bytes_out = row.integer(bytes_out_);
    return record;
}

UnixMicros time_of(const SqliteStatement& row) {
    return row.integer(time_);
}

void add_detail(const SqliteStatement& row, RequestRecord& record) {
    read_detail(row.text(detail_), record);
}

std::string select_sums_sql() {
    std::size_t end = 0;
    for (int i = 0; i < sums_columns; ++i) end = columns.find(',', end + 1);
    return select_sql(columns.substr(0, end));
}

RequestRecord sums_record_from(const SqliteStatement& row) {
    RequestRecord record;
    read_numbers(row, record);
    for (const auto& text : texts) {
        if (text.column < sums_columns) record.*text.text = row.text(text.column);
    }
    return record;
}

}  // namespace lurus::log
