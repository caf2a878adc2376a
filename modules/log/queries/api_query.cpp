#include "modules/log/queries/api_query.hpp"

#include <algorithm>

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

Result<std::optional<UnixMicros>> moment(const Query& query, const std::string& name, UnixMicros now,
                                         const TimeZone& zone) {
    const std::string* text = find(query, name);
    if (text == nullptr) return std::nullopt;
    if (*text == "today") return zone.day_begin(now);
    if (*text == "yesterday") return zone.day_begin(zone.day_begin(now) - 1);
    if (const auto day = zone.date(*text)) return *day;
    if (const auto time = parse_time(*text)) return *time;
    if (const auto ago = parse_duration(*text)) return now - *ago;
    return std::unexpected(wrong(
        name, *text, "a time such as 2026-11-21T09:00:00Z, a date, today, yesterday, or how long ago, such as 24h"));
}

Result<TimeZone> zone_of(const Query& query) {
    const std::string* text = find(query, "tz");
    if (text == nullptr) return TimeZone::utc();
    auto zone = TimeZone::named(*text);
    if (!zone) zone.error().message = "query parameter `tz`: " + zone.error().message;
    return zone;
}

ApiParam zone_param() {
    return {"tz", R"({"type":"string","default":"UTC"})",
            "Whose days, hours and dates are meant: an IANA time zone such as Europe/Berlin, or `local`, the server's"};
}

Result<Span> span_of(const Query& query, const char* from, const char* to, UnixMicros now, const TimeZone& zone) {
    const auto since = moment(query, from, now, zone), until = moment(query, to, now, zone);
    if (!since) return std::unexpected(since.error());
    if (!until) return std::unexpected(until.error());
    Span span;
    span.from = since->value_or(now - 24 * hour_us);
    span.to = until->value_or(now + 1);  // what happened this very microsecond counts
    return span;
}

Result<std::vector<Span>> parts_of(const Span& span, UsageBy day_or_hour, const TimeZone& zone) {
    constexpr std::size_t most = 1000;  // each takes a look at the log of its own
    std::vector<Span> out;
    const bool days = day_or_hour == UsageBy::day;
    for (UnixMicros at = span.from; at < span.to;) {
        if (out.size() == most) {
            return fail(ErrorCode::invalid_argument,
                        "this would be more than 1000 buckets; ask for a shorter time, or for days");
        }
        const UnixMicros next = days ? zone.next_day(at) : zone.next_hour(at);
        out.push_back({at, std::min(next, span.to)});
        at = next;
    }
    return out;
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
