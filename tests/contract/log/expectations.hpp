#pragma once
// What a request log must answer, computed the slow and obvious way from the records themselves.

#include <algorithm>
#include <map>

#include "lurus/store/record_queries.hpp"

namespace lurus::test {

inline bool passes(const LogFilter& f, const RequestRecord& r) {
    const auto text = [](const std::optional<std::string>& wanted, const std::string& value) {
        return !wanted || *wanted == value;
    };
    return text(f.key, r.key) && text(f.user, r.user) && text(f.model, r.model) &&
           text(f.upstream_model, r.upstream_model) && text(f.provider, r.provider) && text(f.account, r.account) &&
           text(f.route, r.route) && text(f.client, r.client) && text(f.session, r.session) &&
           (!f.dialect || *f.dialect == r.dialect) && (!f.end || *f.end == r.end) &&
           (!f.status || *f.status == r.status) && (!f.stream || *f.stream == r.stream) &&
           (!f.since || r.time >= *f.since) && (!f.until || r.time < *f.until) &&
           (!f.before_id || r.id < *f.before_id) && (!f.after_id || r.id > *f.after_id);
}

/// `all` is in the order of ids.
inline std::vector<std::int64_t> expected_ids(const std::vector<RequestRecord>& all, const LogFilter& f) {
    std::vector<std::int64_t> ids;
    for (const auto& r : all) {
        if (passes(f, r)) ids.push_back(r.id);
    }
    if (!f.after_id) std::ranges::reverse(ids);
    if (ids.size() > static_cast<std::size_t>(f.limit)) ids.resize(static_cast<std::size_t>(f.limit));
    return ids;
}

inline std::vector<std::int64_t> ids_of(const std::vector<RequestRecord>& records) {
    std::vector<std::int64_t> ids;
    for (const auto& r : records) ids.push_back(r.id);
    return ids;
}

/// What tells the record's group from others: an id where there is one.
inline std::string group_of(const RequestRecord& r, UsageBy by) {
    const auto id_or = [](const Id& id, const std::string& otherwise) { return id.is_zero() ? otherwise : id.hex(); };
    switch (by) {
        case UsageBy::model: return r.model;
        case UsageBy::provider: return r.provider;
        case UsageBy::key: return id_or(r.key_id, r.key);
        case UsageBy::user: return r.user;
        case UsageBy::team: return id_or(r.team_id, {});
        case UsageBy::org: return id_or(r.org_id, {});
        case UsageBy::day: return format_time(r.time).substr(0, 10);
        case UsageBy::hour: return format_time(r.time).substr(0, 13) + ":00:00Z";
    }
    return {};
}

using UsageMap = std::map<std::string, std::vector<std::int64_t>>;

inline UsageMap expected_usage(const std::vector<RequestRecord>& all, UnixMicros since, UnixMicros until, UsageBy by) {
    UsageMap sums;
    for (const auto& r : all) {
        if (r.time < since || r.time >= until) continue;
        auto& row = sums[group_of(r, by)];
        row.resize(11);
        const std::int64_t values[] = {1,
                                       r.end == End::error || r.end == End::upstream_cut,
                                       !r.cost,
                                       r.usage.input.value_or(0),
                                       r.usage.cache_read.value_or(0),
                                       r.usage.cache_write_5m.value_or(0),
                                       r.usage.cache_write_1h.value_or(0),
                                       r.usage.output.value_or(0),
                                       r.usage.reasoning.value_or(0),
                                       r.cost ? r.cost->nano_usd : 0,
                                       r.duration_us};
        for (std::size_t i = 0; i < row.size(); ++i) row[i] += values[i];
    }
    return sums;
}

inline UsageMap usage_map(const std::vector<UsageRow>& rows) {
    UsageMap sums;
    for (const auto& r : rows) {
        sums[r.id.empty() ? r.group : r.id] = {r.requests,   r.errors,         r.unpriced,       r.input,
                                               r.cache_read, r.cache_write_5m, r.cache_write_1h, r.output,
                                               r.reasoning,  r.cost.nano_usd,  r.duration_us};
    }
    return sums;
}

constexpr UsageBy all_groupings[] = {UsageBy::model, UsageBy::provider, UsageBy::key, UsageBy::user,
                                     UsageBy::team,  UsageBy::org,      UsageBy::day, UsageBy::hour};

/// A filter with one to three conditions whose values occur in `all` as a rule. `pick(n)` gives a number below n.
template <class Pick>
LogFilter random_filter(const std::vector<RequestRecord>& all, Pick pick) {
    LogFilter f;
    const int conditions = 1 + pick(3);
    for (int i = 0; i < conditions; ++i) {
        const auto& r = all[static_cast<std::size_t>(pick(static_cast<int>(all.size())))];
        switch (pick(17)) {
            case 0: f.key = r.key; break;
            case 1: f.user = r.user; break;
            case 2: f.model = r.model; break;
            case 3: f.upstream_model = r.upstream_model; break;
            case 4: f.provider = r.provider; break;
            case 5: f.account = r.account; break;
            case 6: f.route = r.route; break;
            case 7: f.client = r.client; break;
            case 8: f.session = r.session; break;
            case 9: f.dialect = r.dialect; break;
            case 10: f.end = r.end; break;
            case 11: f.status = r.status; break;
            case 12: f.stream = r.stream; break;
            case 13: f.since = r.time; break;
            case 14: f.until = r.time; break;
            case 15: f.before_id = r.id; break;
            default: f.after_id = r.id; break;
        }
    }
    if (pick(10) == 0) f.session = "never seen";
    f.limit = 1 + pick(pick(3) == 0 ? 1000 : 60);
    return f;
}

}  // namespace lurus::test
