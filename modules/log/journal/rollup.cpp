#include "modules/log/journal/rollup.hpp"

#include <bit>

#include "modules/log/journal/same.hpp"

namespace lurus::log {

Sums& Sums::operator+=(const Sums& other) {
    for (const auto member : sums_members) this->*member += other.*member;
    return *this;
}

Sums sums_of(const RequestRecord& record) {
    Sums sums;
    sums.requests = 1;
    sums.errors = record.end == End::error || record.end == End::upstream_cut ? 1 : 0;
    sums.unpriced = record.cost ? 0 : 1;
    sums.input = record.usage.input.value_or(0);
    sums.cache_read = record.usage.cache_read.value_or(0);
    sums.cache_write_5m = record.usage.cache_write_5m.value_or(0);
    sums.cache_write_1h = record.usage.cache_write_1h.value_or(0);
    sums.output = record.usage.output.value_or(0);
    sums.reasoning = record.usage.reasoning.value_or(0);
    sums.cost_nano_usd = record.cost ? record.cost->nano_usd : 0;
    sums.duration_us = record.duration_us;
    return sums;
}

GroupName GroupName::of(const RequestRecord& record) {
    return {record.model, record.provider, record.key, record.user, record.key_id, record.team_id, record.org_id};
}

bool GroupName::is_of(const RequestRecord& record) const {
    return same(key_id, record.key_id) && same(team_id, record.team_id) && same(org_id, record.org_id) &&
           same(model, record.model) && same(provider, record.provider) && same(key, record.key) &&
           same(user, record.user);
}

RollupGroup& RollupRun::group_of(const RequestRecord& record, const RowHashes& hashes) {
    if (last_ < groups.size() && groups[last_].name.is_of(record)) return groups[last_];
    const auto part = [&](Dimension d) { return static_cast<std::uint64_t>(hashes[static_cast<std::size_t>(d)]); };
    std::uint64_t hash =
        (part(Dimension::model) << 32 | part(Dimension::key)) ^
        std::rotl(part(Dimension::provider) << 32 | part(Dimension::user), 17) * 0x9e3779b97f4a7c15ull ^
        end_of(record.key_id) ^ std::rotl(end_of(record.team_id), 17);
    for (;; ++hash) {
        const auto [found, is_new] = index_.try_emplace(hash, static_cast<std::uint32_t>(groups.size()));
        last_ = found->second;
        if (is_new) {
            groups.emplace_back();
            groups.back().name = GroupName::of(record);
            return groups.back();
        }
        if (groups[last_].name.is_of(record)) return groups[last_];
    }
}

void RollupRun::add(const RequestRecord& record, const RowHashes& hashes) {
    auto& minutes = group_of(record, hashes).minutes;
    const std::int64_t minute = floor_div(record.time, minute_us);
    ++rows;
    for (auto cell = minutes.rbegin(); cell != minutes.rend(); ++cell) {
        if (cell->minute == minute) {
            cell->sums += sums_of(record);
            return;
        }
    }
    minutes.push_back(MinuteSums{minute, sums_of(record)});
    ++cells;
}

}  // namespace lurus::log
