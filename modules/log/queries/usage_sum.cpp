#include "modules/log/queries/usage_sum.hpp"

#include <algorithm>
#include <tuple>

namespace lurus::log {
namespace {

UsageRow row_of(std::string group, const Sums& sums) {
    UsageRow row;
    row.group = std::move(group);
    row.requests = sums.requests;
    row.errors = sums.errors;
    row.unpriced = sums.unpriced;
    row.input = sums.input;
    row.cache_read = sums.cache_read;
    row.cache_write_5m = sums.cache_write_5m;
    row.cache_write_1h = sums.cache_write_1h;
    row.output = sums.output;
    row.reasoning = sums.reasoning;
    row.cost = Money{sums.cost_nano_usd};
    row.duration_us = sums.duration_us;
    return row;
}

}  // namespace

UsageRange::UsageRange(UnixMicros since, UnixMicros until) {
    if (since >= until) return;
    all_minutes = Part{ceil_div(since, minute_us), floor_div(until, minute_us)};
    if (all_minutes.begin > all_minutes.end) {
        all_minutes = Part{};
        rows_before = Part{since, until};
        return;
    }
    rows_before = Part{since, all_minutes.begin * minute_us};
    rows_after = Part{all_minutes.end * minute_us, until};
    hours = Part{ceil_div(since, hour_us), floor_div(until, hour_us)};
    if (hours.empty()) {
        hours = Part{};
        minutes_before = all_minutes;
        return;
    }
    minutes_before = Part{all_minutes.begin, hours.begin * 60};
    minutes_after = Part{hours.end * 60, all_minutes.end};
}

std::int64_t UsageSum::bucket_of(UnixMicros time) const {
    return floor_div(time, by_ == UsageBy::day ? 24 * hour_us : hour_us);
}

const std::string& UsageSum::text_of(const GroupName& name) const {
    switch (by_) {
        case UsageBy::provider: return name.provider;
        case UsageBy::key: return name.key;
        case UsageBy::user: return name.user;
        default: return name.model;
    }
}

void UsageSum::add(const GroupName& name, UnixMicros time, const Sums& sums) {
    if (!counts(name)) return;
    (by_time() ? by_bucket_[bucket_of(time)] : by_text_[text_of(name)]) += sums;
}

bool UsageSum::add(std::int64_t group_id, UnixMicros time, const Sums& sums) {
    if (!by_time() || users_ != nullptr) {
        const auto known = by_group_.find(group_id);
        if (known == by_group_.end()) return false;
        if (known->second == nullptr) return true;
        if (!by_time()) *known->second += sums;
    }
    if (by_time()) by_bucket_[bucket_of(time)] += sums;
    return true;
}

void UsageSum::known(std::int64_t group_id, const GroupName& name) {
    Sums* sums = nullptr;
    if (counts(name)) sums = by_time() ? &timed_ : &by_text_[text_of(name)];  // a node's address is stable
    by_group_.insert_or_assign(group_id, sums);
}

std::vector<UsageRow> UsageSum::rows() const {
    std::vector<UsageRow> rows;
    for (const auto& [text, sums] : by_text_) rows.push_back(row_of(text, sums));
    std::ranges::sort(rows, [](const UsageRow& a, const UsageRow& b) {
        return std::tie(b.cost, b.requests, a.group) < std::tie(a.cost, a.requests, b.group);
    });
    std::vector<std::pair<std::int64_t, Sums>> buckets(by_bucket_.begin(), by_bucket_.end());
    std::ranges::sort(buckets, {}, &std::pair<std::int64_t, Sums>::first);
    for (const auto& [bucket, sums] : buckets) {
        const bool day = by_ == UsageBy::day;
        std::string time = format_time(bucket * (day ? 24 * hour_us : hour_us));
        rows.push_back(row_of(day ? time.substr(0, 10) : time.substr(0, 19) + "Z", sums));
    }
    return rows;
}

}  // namespace lurus::log
