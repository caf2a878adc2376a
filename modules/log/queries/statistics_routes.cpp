// `/api/v1/statistics`: sums over time and by one dimension, in pages.
#include "lurus/statistics.hpp"

#include <algorithm>

#include "core/http/api_route.hpp"
#include "core/http/list_page.hpp"
#include "core/http/problem.hpp"
#include "core/text/glob.hpp"
#include "modules/log/journal/rollup.hpp"
#include "modules/log/queries/api_query.hpp"
#include "modules/log/queries/api_schema.hpp"

namespace lurus::log {
namespace {

using Json = nlohmann::ordered_json;
using Rows = std::vector<UsageRow>;

// Each takes a look at the log of its own.
constexpr std::size_t most_buckets = 1000;

const ListShape shape{
    .id = {"time", "group", "id"},
    .sorts = {"time", "group", "requests", "errors", "input", "output", "cost_nano_usd", "avg_duration_us"}};

/// One question, for whoever asks it.
class Statistics {
public:
    Statistics(RecordQueries& records, std::shared_ptr<const UserSet> users)
        : records_(records), users_(std::move(users)) {}

    std::optional<UsageBy> by;
    std::optional<UsageBy> bucket;  // hour or day
    std::optional<TimeZone> zone;   // whose; empty = UTC's
    std::optional<std::string> group;
    NamesById names;

    Result<std::vector<Json>> rows(const Span& span, UsageRow& total) const {
        std::vector<Json> out;
        const auto take = [&](const Json& time, const Rows& rows) {
            for (const auto& row : rows) {
                if (by && group && !is_wanted(row)) continue;
                total += row;
                Json& one = out.emplace_back();
                one["time"] = time;
                add_group(one, by ? row : UsageRow(), by.value_or(UsageBy::model), names);
                add_sums(one, row);
            }
        };
        if (!bucket) {
            const auto rows = grouped(span);
            if (!rows) return std::unexpected(rows.error());
            take(nullptr, *rows);
            return out;
        }
        if (zone) return rows_of_zone(span, take, out);
        const auto buckets = records_.usage(span.from, span.to, *bucket, users_.get());
        if (!buckets) return std::unexpected(buckets.error());
        if (by && buckets->size() > most_buckets) {
            return fail(ErrorCode::invalid_argument, "this would be " + std::to_string(buckets->size()) +
                                                         " buckets; ask for a shorter time, or for `bucket=day`");
        }
        const std::int64_t length = *bucket == UsageBy::day ? 24 * hour_us : hour_us;
        for (const auto& each : *buckets) {
            const UnixMicros begin = parse_time(each.group).value_or(0);
            if (!by) {
                take(format_time(begin), {each});
                continue;
            }
            const auto rows = grouped({std::max(span.from, begin), std::min(span.to, begin + length)});
            if (!rows) return std::unexpected(rows.error());
            take(format_time(begin), *rows);
        }
        return out;
    }

private:
    template <class Take>
    Result<std::vector<Json>> rows_of_zone(const Span& span, const Take& take, std::vector<Json>& out) const {
        const auto parts = parts_of(span, *bucket, *zone);
        if (!parts) return std::unexpected(parts.error());
        for (const Span& part : *parts) {
            const auto rows = grouped(part);
            if (!rows) return std::unexpected(rows.error());
            if (total_of(*rows).requests == 0) continue;
            const UnixMicros begin = *bucket == UsageBy::day ? zone->day_begin(part.from) : zone->hour_begin(part.from);
            take(zone->text(begin), *rows);
        }
        return std::move(out);
    }

    [[nodiscard]] Result<Rows> grouped(const Span& span) const {
        auto rows = records_.usage(span.from, span.to, by.value_or(UsageBy::model), users_.get());
        if (rows && !by) return Rows{total_of(*rows)};
        return rows;
    }

    [[nodiscard]] bool is_wanted(const UsageRow& row) const {
        return glob_match(*group, row.group) || (!row.id.empty() && glob_match(*group, row.id)) ||
               glob_match(*group, name_of(row, *by, names));
    }

    RecordQueries& records_;
    const std::shared_ptr<const UserSet> users_;
};

Result<void> read_question(const Query& query, Statistics& out) {
    if (const auto* text = find(query, "by"); text != nullptr) {
        // An account is a provider's entry, and has its name.
        const auto dimension = usage_by(*text == "account" ? "provider" : *text);
        const bool timed = dimension == UsageBy::day || dimension == UsageBy::hour;
        if (!dimension || timed)
            return std::unexpected(wrong("by", *text, "model, provider, account, key, user, team or org"));
        out.by = dimension;
    }
    if (const auto* text = find(query, "bucket"); text != nullptr) {
        if (*text != "hour" && *text != "day") return std::unexpected(wrong("bucket", *text, "hour or day"));
        out.bucket = usage_by(*text);
    }
    if (const auto* text = find(query, "group"); text != nullptr) {
        if (!out.by) return std::unexpected(wrong("group", *text, "`by` beside it"));
        out.group = *text;
    }
    return {};
}

Json named(const Query& query, const char* name) {
    const auto* text = find(query, name);
    return text == nullptr ? Json(nullptr) : Json(*text);
}

ApiResponse statistics(RecordQueries& records, const Clock& clock, const RecordScope& scope, const SubjectNames& names,
                       const ApiRequest& request) {
    auto users = scope(request.principal);
    if (!users) return problem(users.error());
    Statistics question(records, *std::move(users));
    if (auto read = read_question(request.query, question); !read) return problem(read.error());
    const auto zone = zone_of(request.query);
    if (!zone) return problem(zone.error());
    if (find(request.query, "tz") != nullptr) question.zone = *zone;
    const auto span = span_of(request.query, "from", "to", clock.now(), *zone);
    if (!span) return problem(span.error());
    auto called = names_for(question.by.value_or(UsageBy::model), names);
    if (!called) return problem(called.error());
    question.names = *std::move(called);
    UsageRow total;
    auto rows = question.rows(*span, total);
    if (!rows) return problem(rows.error());
    auto page = list_page(*std::move(rows), shape, request.query);
    if (!page) return problem(page.error());
    Json body = {{"from", format_time(span->from)}, {"to", format_time(span->to)}, {"tz", zone->name()}};
    body["bucket"] = named(request.query, "bucket");
    body["by"] = named(request.query, "by");
    body.update(*page);
    add_sums(body["total"], total);
    return json_response(body);
}

}  // namespace
}  // namespace lurus::log

namespace lurus {

std::vector<ApiRoute> statistics_api(RecordQueries& records, const Clock& clock, RecordScope scope,
                                     SubjectNames names) {
    std::vector<ApiRoute> routes;
    routes.push_back(api_route(
        Permission::read_records, "GET", "/api/v1/statistics", "getStatistics",
        "Requests, tokens, money, errors and latency, over time and by one dimension", log::statistics_schema(),
        [&records, &clock, scope = std::move(scope), names = std::move(names)](const ApiRequest& request) {
            return log::statistics(records, clock, scope, names, request);
        }));
    auto& query = routes.back().query;
    const char* const text = R"({"type":"string"})";
    query = {
        ApiParam{"from", text, "From this time, date, or so long ago; 24h when left out"},
        ApiParam{"to", text, "Before this time, date, or so long ago; now when left out"},
        ApiParam{"bucket", R"({"enum":["hour","day"]})", "A row for each hour or day in which there was something"},
        log::zone_param(),
        ApiParam{"by", R"({"enum":["model","provider","account","key","user","team","org"]})",
                 "A row for each of them"},
        ApiParam{"group", text, "Only those of `by` with this name or id; * and ? are wildcards"},
    };
    std::ranges::copy(list_params(log::shape), std::back_inserter(query));
    return routes;
}

}  // namespace lurus
