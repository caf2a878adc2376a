#pragma once
// What the log's routes have in common: reading a query, writing sums.

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "lurus/log.hpp"

namespace lurus::log {

using Query = std::map<std::string, std::string>;

Error wrong(const std::string& name, const std::string& value, const std::string& expected);
/// Null when it is absent.
const std::string* find(const Query& query, const std::string& name);
/// A time, or how long ago.
Result<std::optional<UnixMicros>> moment(const Query& query, const std::string& name, UnixMicros now);

struct Span {
    UnixMicros from = 0, to = 0;  // [from, to)
};
/// The last 24 hours where nothing is said.
Result<Span> span_of(const Query& query, const char* from, const char* to, UnixMicros now);

std::optional<UsageBy> usage_by(std::string_view text);
UsageRow& operator+=(UsageRow& sum, const UsageRow& row);
UsageRow total_of(const std::vector<UsageRow>& rows);
/// Asks only where a grouping's names are not in the records.
Result<NamesById> names_for(UsageBy by, const SubjectNames& names);
/// What the row's subject is called; empty = unknown, or it has none.
std::string name_of(const UsageRow& row, UsageBy by, const NamesById& names);
/// `group`, `id` and `name`; null when unknown.
void add_group(nlohmann::ordered_json& object, const UsageRow& row, UsageBy by, const NamesById& names);
void add_sums(nlohmann::ordered_json& object, const UsageRow& row);

}  // namespace lurus::log
