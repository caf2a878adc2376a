#pragma once
// Which tables an installation's database and a node's have both, by the same names and columns.

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "core/db/sql.hpp"

namespace lurus::sync {

/// Those that every node has a copy of, in an order in which each comes after those that it refers to.
inline constexpr std::array mirrored = {
    "feed_head",        "feed_change", "org",         "user_account", "member",   "team",          "team_member",
    "setup_token",      "api_key",     "key_rules",   "password",     "totp",     "recovery_code", "signing_key",
    "outside_identity", "price",       "price_model", "flag",         "provider", "route",         "model_list"};
/// Those that only the installation has; a node that is alone has them itself. In such an order as well.
inline constexpr std::array unmirrored = {"session", "refresh_token", "ticket", "api_answer"};

/// `a, b`
std::string listed(const std::vector<std::string>& columns);
/// `$1, $2 ...`, from `first`.
std::string numbered(std::size_t first, std::size_t count);
/// A row's columns, by their types: INTEGER, TEXT or BLOB.
sql::Values values_of(const sql::Row& row, const std::vector<std::string>& types);
/// All rows of a table, in no order.
Result<std::vector<sql::Values>> rows_of_table(sql::Connection& db, const std::string& table,
                                               const std::vector<std::string>& columns,
                                               const std::vector<std::string>& types);

/// The first table that has what only somebody's configuring makes; empty = there is none.
Result<std::string> content_of(sql::Connection& db);

}  // namespace lurus::sync
