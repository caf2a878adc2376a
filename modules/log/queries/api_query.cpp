#include "modules/log/queries/api_query.hpp"

#include "modules/log/journal/rollup.hpp"

namespace lurus::log {

using Json = nlohmann::ordered_json;

Error wrong(const std::string& name, const std::string& value, const std::string& expected) {
    return Error(ErrorCode::invalid_argument,
                 "query parameter `" + name + "` is `" + value + "`; expected " + expected);
}

const std::string* find(const Query& query, const std::string& name) {
    const auto found = query.find(name);
    return found == query.end() ? nullptr : &found->second;
}

Result<std::optional<UnixMicros>> moment(const Query& query, const std::string& name, UnixMicros now) {
    const std::string* text = find(query, name);
    if (text == nullptr) return std::nullopt;
    if (const auto time = parse_time(*text)) return *time;
    if (const auto ago = parse_duration(*text)) return now - *ago;
    return std::unexpected(
        wrong(name, *text, "a time such as 2026-11-21T09:00:00Z, a date, or how long ago, such as 24h"));
}

Result<Span> span_of(const Query& query, const char* from, const char* to, UnixMicros now) {
    const auto since = moment(query, from, now), until = moment(query, to, now);
    if (!since) return std::unexpected(since.error());
    if (!until) return std::unexpected(until.error());
    Span span;
    span.from = since->value_or(now - 24 * hour_us);
    span.to = until->value_or(now + 1);  // what happened this very microsecond counts
    return span;
}

std::optional<UsageBy> usage_by(std::string_view text) {
    constexpr std::pair<std::string_view, UsageBy> names[] = {
        {"model", UsageBy::model}, {"provider", UsageBy::provider}, {"key", UsageBy::key}, {"user", UsageBy::user},
        {"team", UsageBy::team},   {"org", UsageBy::org},           {"day", UsageBy::day}, {"hour", UsageBy::hour}};
    for (const auto& [name, by] : names) {
        if (name == text) return by;
    }
    return std::nullopt;
}

UsageRow& operator+=(UsageRow& sum, const UsageRow& row) {
    for (const auto member : {&UsageRow::requests, &UsageRow::errors, &UsageRow::unpriced, &UsageRow::input,
                              &UsageRow::cache_read, &UsageRow::cache_write_5m, &UsageRow::cache_write_1h,
                              &UsageRow::output, &UsageRow::reasoning, &UsageRow::duration_us}) {
        sum.*member += row.*member;
    }
    sum.cost += row.cost;
    return sum;
}

UsageRow total_of(const std::vector<UsageRow>& rows) {
    UsageRow total;
    for (const auto& row : rows) total += row;
    return total;
}

namespace {

bool is_named_elsewhere(UsageBy by) {
    return by == UsageBy::user || by == UsageBy::team || by == UsageBy::org;
}

Json or_null(const std::string& text) {
    return text.empty() ? Json(nullptr) : Json(text);
}

}  // namespace

Result<NamesById> names_for(UsageBy by, const SubjectNames& names) {
    if (!is_named_elsewhere(by)) return NamesById();
    return names();
}

std::string name_of(const UsageRow& row, UsageBy by, const NamesById& names) {
    if (!is_named_elsewhere(by)) return by == UsageBy::key ? row.group : std::string();
    const auto known = names.find(row.id);
    return known == names.end() ? std::string() : known->second;
}

void add_group(Json& object, const UsageRow& row, UsageBy by, const NamesById& names) {
    object["group"] = or_null(row.group);
    object["id"] = or_null(row.id);
    object["name"] = or_null(name_of(row, by, names));
}

void add_sums(Json& object, const UsageRow& row) {
    object["requests"] = row.requests;
    object["errors"] = row.errors;
    object["unpriced"] = row.unpriced;
    object["input"] = row.input;
    object["cache_read"] = row.cache_read;
    object["cache_write_5m"] = row.cache_write_5m;
    object["cache_write_1h"] = row.cache_write_1h;
    object["output"] = row.output;
    object["reasoning"] = row.reasoning;
    object["cost_nano_usd"] = row.cost.nano_usd;
    object["avg_duration_us"] = row.requests > 0 ? Json(row.duration_us / row.requests) : Json(nullptr);
}

}  // namespace lurus::log
