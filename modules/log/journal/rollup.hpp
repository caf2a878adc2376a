#pragma once
// Sums per minute and per group (model, provider, and whose key it was), gathered in memory until the writer books
// them.

#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "lurus/record.hpp"
#include "modules/log/journal/segment.hpp"

namespace lurus::log {

constexpr std::int64_t minute_us = 60'000'000;
constexpr std::int64_t hour_us = 60 * minute_us;

/// Rounds towards minus infinity.
constexpr std::int64_t floor_div(std::int64_t value, std::int64_t unit) {
    return value / unit - (value % unit < 0 ? 1 : 0);
}
constexpr std::int64_t ceil_div(std::int64_t value, std::int64_t unit) {
    return floor_div(value, unit) + (value % unit != 0 ? 1 : 0);
}

struct Sums {
    std::int64_t requests = 0, errors = 0, unpriced = 0;
    std::int64_t input = 0, cache_read = 0, cache_write_5m = 0, cache_write_1h = 0, output = 0, reasoning = 0;
    std::int64_t cost_nano_usd = 0, duration_us = 0;

    Sums& operator+=(const Sums& other);
    bool operator==(const Sums&) const = default;
};
constexpr std::int64_t Sums::* sums_members[] = {
    &Sums::requests,   &Sums::errors,         &Sums::unpriced,       &Sums::input,
    &Sums::cache_read, &Sums::cache_write_5m, &Sums::cache_write_1h, &Sums::output,
    &Sums::reasoning,  &Sums::cost_nano_usd,  &Sums::duration_us,
};

Sums sums_of(const RequestRecord& record);

struct GroupName {
    std::string model, provider, key, user;
    Id key_id, team_id, org_id;  // zero = unknown

    static GroupName of(const RequestRecord& record);
    [[nodiscard]] bool is_of(const RequestRecord& record) const;
    bool operator==(const GroupName&) const = default;
};

struct MinuteSums {
    std::int64_t minute = 0;
    Sums sums;
};

struct RollupGroup {
    GroupName name;
    std::int64_t id = 0;  // in rollup_group; 0 = not asked yet
    std::vector<MinuteSums> minutes;
};

/// The sums of a run of rows that ends with `last_id`.
class RollupRun {
public:
    /// `hashes` are the record's.
    void add(const RequestRecord& record, const RowHashes& hashes);

    std::int64_t last_id = 0;
    std::int64_t rows = 0;
    std::size_t cells = 0;  // (minute, group) sums
    std::vector<RollupGroup> groups;

private:
    RollupGroup& group_of(const RequestRecord& record, const RowHashes& hashes);

    std::unordered_map<std::uint64_t, std::uint32_t> index_;
    std::uint32_t last_ = 0;  // the group that `group_of` gave last
};

}  // namespace lurus::log
