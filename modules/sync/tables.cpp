#include "modules/sync/tables.hpp"

#include "core/text/concat.hpp"

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

sql::Values values_of(const sql::Row& row, const std::vector<std::string>& types) {
    sql::Values out;
    for (const auto& type : types) {
        const int column = static_cast<int>(out.size());
        if (row.is_null(column))
            out.emplace_back(std::nullopt);
        else if (type == "INTEGER")
            out.emplace_back(row.integer(column));
        else if (type == "BLOB")
            out.emplace_back(sql::Bytes(std::string(row.bytes(column))));
        else
            out.emplace_back(row.text(column));
    }
    return out;
}

Result<std::vector<sql::Values>> rows_of_table(sql::Connection& db, const std::string& table,
                                               const std::vector<std::string>& columns,
                                               const std::vector<std::string>& types) {
    return db.all(concat({"SELECT ", listed(columns), " FROM ", table}), {},
                  [&](const sql::Row& row) { return values_of(row, types); });
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
