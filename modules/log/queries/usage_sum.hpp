#pragma once
// Adds sums up by what a question asks for.

#include <string>
#include <unordered_map>
#include <vector>

#include "lurus/log.hpp"
#include "modules/log/journal/rollup.hpp"

namespace lurus::log {

/// Which parts of [since, until) come from hours, from minutes and from single rows; each half-open, possibly empty.
struct UsageRange {
    struct Part {
        std::int64_t begin = 0, end = 0;
        [[nodiscard]] bool empty() const { return begin >= end; }
    };
    Part hours;  // hours since the epoch
    Part minutes_before, minutes_after;
    Part rows_before, rows_after;  // microseconds
    Part all_minutes;              // that are covered, by hours or by minutes

    UsageRange(UnixMicros since, UnixMicros until);
};

class UsageSum {
public:
    /// `users`: whose requests count; null = everybody's.
    explicit UsageSum(UsageBy by, const UserSet* users = nullptr) : by_(by), users_(users) {}

    /// `time`: any moment of the hour that the sums belong to.
    void add(const GroupName& name, UnixMicros time, const Sums& sums);
    /// The same for a group that `known` has named before; false when it has not.
    bool add(std::int64_t group_id, UnixMicros time, const Sums& sums);
    void known(std::int64_t group_id, const GroupName& name);
    /// As RequestLog::usage returns them.
    [[nodiscard]] std::vector<UsageRow> rows() const;

private:
    [[nodiscard]] bool by_time() const { return by_ == UsageBy::day || by_ == UsageBy::hour; }
    std::int64_t bucket_of(UnixMicros time) const;
    const std::string& text_of(const GroupName& name) const;
    bool counts(const GroupName& name) const { return users_ == nullptr || users_->contains(name.user); }

    UsageBy by_;
    const UserSet* users_;
    std::unordered_map<std::string, Sums> by_text_;
    std::unordered_map<std::int64_t, Sums> by_bucket_;
    std::unordered_map<std::int64_t, Sums*> by_group_;  // null = does not count
    Sums timed_;                                        // stands for groups that count by time
};

}  // namespace lurus::log
