#include "modules/sync/tables.hpp"

namespace lurus::sync {

std::string listed(const std::vector<std::string>& columns) {
    std::string out;
    for (const auto& column : columns) out += (out.empty() ? "" : ", ") + column;
    return out;
}

std::string numbered(std::size_t first, std::size_t count) {
    std::string out;
    for (std::size_t i = 0; i < count; ++i) out += (i == 0 ? "$" : ", $") + std::to_string(first + i);
    return out;
}

sql::Value typed(const sql::Row& row, int column, std::string_view type) {
    if (row.is_null(column)) return std::nullopt;
    if (type == "INTEGER") return row.integer(column);
    if (type == "BLOB") return sql::Bytes(std::string(row.bytes(column)));
    return row.text(column);
}

// What a first start makes by itself is no content.
Result<std::string> content_of(sql::Connection& db) {
    for (const char* table : {"api_key", "user_account", "provider", "route", "price", "flag", "team", "password"}) {
        const auto found = db.exists(std::string("SELECT 1 FROM ") + table + " LIMIT 1");
        if (!found) return std::unexpected(found.error());
        if (*found) return std::string(table);
    }
    return std::string();
}

}  // namespace lurus::sync
