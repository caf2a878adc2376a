#pragma once
// What the log's routes have in common: reading a query, writing sums.

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/os/time_zone.hpp"
#include "lurus/log.hpp"

namespace lurus::log {

using Query = std::map<std::string, std::string>;

Error wrong(const std::string& name, const std::string& value, const std::string& expected);
/// Null when it is absent.
const std::string* find(const Query& query, const std::string& name);
/// A time, or how long ago; a date, `today` and `yesterday` are the zone's.
Result<std::optional<UnixMicros>> moment(const Query& query, const std::string& name, UnixMicros now,
                                         const TimeZone& zone = TimeZone::utc());
/// `tz`; UTC when it is absent.
Result<TimeZone> zone_of(const Query& query);
ApiParam zone_param();

struct Span {
    UnixMicros from = 0, to = 0;  // [from, to)
};
/// The last 24 hours where nothing is said.
Result<Span> span_of(const Query& query, const char* from, const char* to, UnixMicros now, const TimeZone& zone);

/// The zone's days or hours within the span, cut at its ends, oldest first; `invalid_argument` when there are more
/// than 1000.
Result<std::vector<Span>> parts_of(const Span& span, UsageBy day_or_hour, const TimeZone& zone);

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
