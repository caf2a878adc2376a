// `/api/v1/logs`, `/api/v1/records`, `/api/v1/traces`, `/api/v1/usage` and `/api/v1/stats`.
#include "core/http/api_route.hpp"
#include "core/http/paging.hpp"
#include "core/http/problem.hpp"
#include "core/text/number.hpp"
#include "lurus/log.hpp"
#include "modules/log/queries/api_query.hpp"
#include "modules/log/queries/api_schema.hpp"
#include "modules/log/queries/json_text.hpp"
#include "modules/log/queries/record_json.hpp"

namespace lurus::log {
namespace {

Result<std::optional<std::int64_t>> integer(const Query& query, const std::string& name, std::int64_t least,
                                            std::int64_t most) {
    const std::string* text = find(query, name);
    if (text == nullptr) return std::nullopt;
    const auto value = whole_number(*text, least, most);
    if (!value) {
        const std::string range = most == INT64_MAX ? "at least " + std::to_string(least)
                                                    : "from " + std::to_string(least) + " to " + std::to_string(most);
        return std::unexpected(wrong(name, *text, "a whole number " + range));
    }
    return value;
}

constexpr PageSize logs_a_page{.usual = 50};

struct TextParam {
    const char* name;
    std::optional<std::string> LogFilter::* value;
};
constexpr TextParam text_params[] = {
    {"key", &LogFilter::key},           {"user", &LogFilter::user},
    {"model", &LogFilter::model},       {"upstream_model", &LogFilter::upstream_model},
    {"provider", &LogFilter::provider}, {"account", &LogFilter::account},
    {"route", &LogFilter::route},       {"client", &LogFilter::client},
    {"session", &LogFilter::session},
};

Result<void> add_names(const Query& query, LogFilter& filter) {
    for (const auto& param : text_params) {
        if (const auto* text = find(query, param.name)) filter.*param.value = *text;
    }
    if (const auto* text = find(query, "dialect")) {
        filter.dialect = dialect_from(*text);
        if (!filter.dialect) {
            return std::unexpected(
                wrong("dialect", *text, "anthropic, openai-chat, openai-responses, openai or gemini"));
        }
    }
    if (const auto* text = find(query, "end")) {
        filter.end = end_from(*text);
        if (!filter.end) return std::unexpected(wrong("end", *text, "complete, client_gone, upstream_cut or error"));
    }
    if (const auto* text = find(query, "stream")) {
        if (*text != "true" && *text != "false") return std::unexpected(wrong("stream", *text, "true or false"));
        filter.stream = *text == "true";
    }
    return {};
}

Result<LogFilter> filter_from(const Query& query, UnixMicros now) {
    LogFilter filter;
    if (auto added = add_names(query, filter); !added) return std::unexpected(added.error());
    const auto status = integer(query, "status", 0, 999);
    if (!status) return std::unexpected(status.error());
    if (*status) filter.status = static_cast<int>(**status);
    const auto since = moment(query, "since", now), until = moment(query, "until", now);
    if (!since) return std::unexpected(since.error());
    if (!until) return std::unexpected(until.error());
    filter.since = *since;
    filter.until = *until;
    const auto before = integer(query, "before_id", 0, INT64_MAX), after = integer(query, "after_id", 0, INT64_MAX);
    if (!before) return std::unexpected(before.error());
    if (!after) return std::unexpected(after.error());
    filter.before_id = *before;
    filter.after_id = *after;
    const auto page = page_from(query, logs_a_page);
    if (!page) return std::unexpected(page.error());
    filter.limit = static_cast<int>(page->limit);
    const auto cursor = cursor_number(*page);
    if (!cursor) return std::unexpected(cursor.error());
    const auto* sort = find(query, "sort");
    if (sort != nullptr && *sort != "id" && *sort != "-id")
        return std::unexpected(wrong("sort", *sort, "id or -id (the newest first)"));
    if (sort != nullptr && *sort == "id" && !filter.after_id) filter.after_id = cursor->value_or(0);
    if (*cursor && !filter.after_id) filter.before_id = **cursor;
    return filter;
}

void append_records(JsonObject& object, const std::vector<RequestRecord>& records, bool bodies) {
    std::string& list = object.member("data");
    list += '[';
    for (std::size_t i = 0; i < records.size(); ++i) {
        if (i > 0) list += ',';
        append_record(list, records[i], bodies);
    }
    list += ']';
}

ApiResponse logs(RecordQueries& all, const Clock& clock, const RecordScope& scope, const ApiRequest& request) {
    auto filter = filter_from(request.query, clock.now());
    if (!filter) return problem(filter.error());
    auto users = scope(request.principal);
    if (!users) return problem(users.error());
    filter->users = *std::move(users);
    const auto records = all.query(*filter);
    if (!records) return problem(records.error());
    ApiResponse response;
    JsonObject object(response.body);
    append_records(object, *records, false);
    // A full page may have more behind it; going backwards only.
    const bool more = !filter->after_id && static_cast<int>(records->size()) == filter->limit && records->back().id > 1;
    object.number_or_null("next_before_id", more ? std::optional(records->back().id) : std::nullopt);
    const bool full = static_cast<int>(records->size()) == filter->limit;
    object.text_or_null("next", full && (more || filter->after_id) ? std::to_string(records->back().id) : "");
    object.close();
    return response;
}

ApiResponse trace(RecordQueries& all, const RecordScope& scope, const ApiRequest& request) {
    const std::string& text = request.params.at("id");
    const auto id = Id::parse(text);
    if (!id) return problem(400, "`" + text + "` is not a trace id; expected 32 hexadecimal digits");
    const auto users = scope(request.principal);
    if (!users) return problem(users.error());
    const auto records = all.trace(*id, users->get());
    if (!records) return problem(records.error());
    if (records->empty()) return problem(404, "no request with the trace id " + id->hex() + " is in the log");
    ApiResponse response;
    JsonObject object(response.body);
    append_records(object, *records, true);
    object.close();
    return response;
}

ApiResponse one_record(RecordQueries& all, const RecordScope& scope, const ApiRequest& request) {
    const std::string& text = request.params.at("id");
    const auto id = Id::parse(text);
    if (!id) return problem(400, "`" + text + "` is not a record's id; expected 32 hexadecimal digits");
    const auto users = scope(request.principal);
    if (!users) return problem(users.error());
    const auto found = all.find(*id, users->get());
    if (!found) return problem(found.error());
    ApiResponse response;
    append_record(response.body, *found, true);
    return response;
}

// Days and hours that are not those of UTC.
Result<std::vector<UsageRow>> usage_by_calendar(RecordQueries& all, const Span& span, UsageBy by, const TimeZone& zone,
                                                const UserSet* users) {
    const auto parts = parts_of(span, by, zone);
    if (!parts) return std::unexpected(parts.error());
    std::vector<UsageRow> out;
    for (const Span& part : *parts) {
        const auto rows = all.usage(part.from, part.to, UsageBy::model, users);
        if (!rows) return std::unexpected(rows.error());
        UsageRow sum = total_of(*rows);
        if (sum.requests == 0) continue;
        sum.group = by == UsageBy::day ? zone.date_text(part.from) : zone.text(zone.hour_begin(part.from));
        out.push_back(std::move(sum));
    }
    return out;
}

ApiResponse usage(RecordQueries& all, const Clock& clock, const RecordScope& scope, const SubjectNames& names,
                  const ApiRequest& request) {
    const std::string* by_text = find(request.query, "by");
    const std::string by_name = by_text == nullptr ? "model" : *by_text;
    const auto by = usage_by(by_name);
    if (!by) return problem(wrong("by", by_name, "model, provider, key, user, team, org, day or hour"));
    const auto zone = zone_of(request.query);
    if (!zone) return problem(zone.error());
    const auto span = span_of(request.query, "since", "until", clock.now(), *zone);
    if (!span) return problem(span.error());
    const auto users = scope(request.principal);
    if (!users) return problem(users.error());
    const bool of_zone = find(request.query, "tz") != nullptr && (*by == UsageBy::day || *by == UsageBy::hour);
    const auto rows = of_zone ? usage_by_calendar(all, *span, *by, *zone, users->get())
                              : all.usage(span->from, span->to, *by, users->get());
    if (!rows) return problem(rows.error());
    const auto called = names_for(*by, names);
    if (!called) return problem(called.error());
    nlohmann::ordered_json data = nlohmann::ordered_json::array();
    for (const auto& row : *rows) {
        nlohmann::ordered_json& one = data.emplace_back();
        add_group(one, row, *by, *called);
        add_sums(one, row);
    }
    nlohmann::ordered_json body = {
        {"since", format_time(span->from)}, {"until", format_time(span->to)}, {"tz", zone->name()}, {"by", by_name}};
    body["data"] = std::move(data);
    add_sums(body["total"], total_of(*rows));
    return json_response(body);
}

ApiResponse stats(const Journal& journal) {
    const LogStatus status = journal.status();
    ApiResponse response;
    JsonObject object(response.body);
    object.boolean("healthy", status.healthy);
    object.text_or_null("problem", status.problem);
    object.number("committed", status.committed);
    object.number("queued", status.queued);
    object.number("queued_bytes", status.queued_bytes);
    object.number("released_unsafe", status.released_unsafe);
    object.close();
    return response;
}

constexpr const char* text_schema = R"({"type":"string"})";
constexpr const char* id_schema = R"({"type":"integer","format":"int64","minimum":0})";

std::vector<ApiParam> log_params() {
    std::vector<ApiParam> params;
    for (const auto& param : text_params)
        params.push_back(ApiParam{param.name, text_schema, "Only this value; empty = unknown"});
    params.push_back(ApiParam{
        "dialect", R"({"type":"string","enum":["anthropic","openai-chat","openai-responses","openai","gemini"]})",
        "The client's dialect"});
    params.push_back(ApiParam{"end", R"({"type":"string","enum":["complete","client_gone","upstream_cut","error"]})",
                              "How it ended"});
    params.push_back(
        ApiParam{"status", R"({"type":"integer","minimum":0,"maximum":999})", "The status that the client got"});
    params.push_back(ApiParam{"stream", R"({"type":"boolean"})", "Whether the answer was streamed"});
    params.push_back(ApiParam{"since", text_schema, "From this time, date, or so long ago (24h)"});
    params.push_back(ApiParam{"until", text_schema, "Before this time, date, or so long ago"});
    params.push_back(ApiParam{"sort", R"({"enum":["-id","id"],"default":"-id"})", "-id: the newest first"});
    params.push_back(ApiParam{"before_id", id_schema, "Only smaller ids"});
    params.push_back(ApiParam{"after_id", id_schema, "The live tail: only larger ids, oldest first"});
    for (auto& param : page_params(logs_a_page)) params.push_back(std::move(param));
    return params;
}

std::vector<ApiRoute> log_routes(const Journal& journal, RecordQueries& all, const Clock& clock,
                                 const RecordScope& scope, const SubjectNames& names) {
    std::vector<ApiRoute> routes;
    routes.push_back(api_route(Permission::read_records, "GET", "/api/v1/logs", "listLogs", "Requests, newest first",
                               records_schema(false, true), [&all, &clock, scope](const ApiRequest& request) {
                                   return logs(all, clock, scope, request);
                               }));
    routes.back().query = log_params();
    routes.back().following = {"followLogs", "after_id", "id"};
    routes.push_back(api_route(
        Permission::read_records, "GET", "/api/v1/usage", "getUsage", "Tokens and cost, summed", usage_schema(),
        [&all, &clock, scope, names](const ApiRequest& request) { return usage(all, clock, scope, names, request); }));
    routes.back().query = {
        ApiParam{
            "by",
            R"({"type":"string","enum":["model","provider","key","user","team","org","day","hour"],"default":"model"})",
            "One row for each"},
        ApiParam{"since", text_schema, "From this time, date, or so long ago; 24h when left out"},
        ApiParam{"until", text_schema, "Before this time, date, or so long ago; now when left out"},
        zone_param(),
    };
    routes.push_back(api_route(Permission::read_records, "GET", "/api/v1/records/{id}", "getRecord",
                               "One request by its record's id, with bodies where they are kept", record_schema(),
                               [&all, scope](const ApiRequest& request) { return one_record(all, scope, request); }));
    routes.push_back(api_route(Permission::read_records, "GET", "/api/v1/traces/{id}", "getTrace",
                               "All requests of one trace id, with bodies where they are kept",
                               records_schema(true, false),
                               [&all, scope](const ApiRequest& request) { return trace(all, scope, request); }));
    routes.push_back(api_route(Permission::read_installation, "GET", "/api/v1/stats", "getStats",
                               "How the request log is doing", status_schema(),
                               [&journal](const ApiRequest&) { return stats(journal); }));
    return routes;
}

}  // namespace
}  // namespace lurus::log

namespace lurus {

std::vector<ApiRoute> log_api(const Journal& journal, RecordQueries& records, const Clock& clock, RecordScope scope,
                              SubjectNames names) {
    return log::log_routes(journal, records, clock, scope, names);
}

}  // namespace lurus
