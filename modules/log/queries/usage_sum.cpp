#include "modules/log/queries/usage_sum.hpp"

#include <algorithm>
#include <tuple>

namespace lurus::log {
namespace {

UsageRow row_with(std::string group, const Sums& sums) {
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

UsageSum::Subject UsageSum::subject_of(const GroupName& name) const {
    const auto by_id = [](const Id& id, const std::string& otherwise) {
        if (id.is_zero()) return '\0' + otherwise;
        return '\1' + std::string(reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size());
    };
    switch (by_) {
        case UsageBy::provider: return '\0' + name.provider;
        case UsageBy::key: return by_id(name.key_id, name.key);
        case UsageBy::user: return '\0' + name.user;
        case UsageBy::team: return by_id(name.team_id, {});
        case UsageBy::org: return by_id(name.org_id, {});
        default: return '\0' + name.model;
    }
}

UsageSum::Group UsageSum::group(const GroupName& name) {
    Group group;
    if (counts(name)) group.named = by_time() ? &timed_ : &by_subject_[subject_of(name)];  // a node's address is stable
    group.key = name.key;
    return group;
}

void UsageSum::add(const Group& group, UnixMicros time, const Sums& sums) {
    if (group.named == nullptr) return;
    if (by_time()) {
        by_bucket_[bucket_of(time)] += sums;
        return;
    }
    Named& named = *group.named;
    named.sums += sums;
    if (time < named.since) return;
    named.since = time;
    if (named.key != group.key) named.key = group.key;
}

bool UsageSum::add(std::int64_t group_id, UnixMicros time, const Sums& sums) {
    if (by_time() && users_ == nullptr) {
        by_bucket_[bucket_of(time)] += sums;
        return true;
    }
    const auto known = by_group_.find(group_id);
    if (known == by_group_.end()) return false;
    add(known->second, time, sums);
    return true;
}

void UsageSum::known(std::int64_t group_id, const GroupName& name) {
    by_group_.insert_or_assign(group_id, group(name));
}

UsageRow UsageSum::row_of(const Subject& subject, const Named& named) const {
    Id id;
    std::string name = subject.substr(1);
    const bool by_id = subject.front() == '\1';
    if (by_id) name.copy(reinterpret_cast<char*>(id.bytes.data()), id.bytes.size());
    UsageRow row = row_with(by_id ? (by_ == UsageBy::key ? named.key : id.hex()) : name, named.sums);
    if (by_id) row.id = id.hex();
    if (by_ == UsageBy::user) row.id = name;
    return row;
}

std::vector<UsageRow> UsageSum::rows() const {
    std::vector<UsageRow> rows;
    for (const auto& [subject, named] : by_subject_) rows.push_back(row_of(subject, named));
    std::ranges::sort(rows, [](const UsageRow& a, const UsageRow& b) {
        return std::tie(b.cost, b.requests, a.group, a.id) < std::tie(a.cost, a.requests, b.group, b.id);
    });
    std::vector<std::pair<std::int64_t, Sums>> buckets(by_bucket_.begin(), by_bucket_.end());
    std::ranges::sort(buckets, {}, &std::pair<std::int64_t, Sums>::first);
    for (const auto& [bucket, sums] : buckets) {
        const bool day = by_ == UsageBy::day;
        std::string time = format_time(bucket * (day ? 24 * hour_us : hour_us));
        rows.push_back(row_with(day ? time.substr(0, 10) : time.substr(0, 19) + "Z", sums));
    }
    return rows;
}

}  // namespace lurus::log
