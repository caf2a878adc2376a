#pragma once
// Adds sums up by what a question asks for.

#include <string>
#include <unordered_map>
#include <vector>

#include "lurus/store/record_queries.hpp"
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

    struct Named {
        Sums sums;
        std::string key;  // the name that the key had last
        UnixMicros since = INT64_MIN;
    };
    /// Where a group's sums go.
    struct Group {
        Named* named = nullptr;  // null = does not count
        std::string key;         // the key's name
    };
    Group group(const GroupName& name);

    /// `time`: any moment of the hour that the sums belong to.
    void add(const Group& group, UnixMicros time, const Sums& sums);
    /// The same for a group that `known` has named before; false when it has not.
    bool add(std::int64_t group_id, UnixMicros time, const Sums& sums);
    void known(std::int64_t group_id, const GroupName& name);
    /// As RecordQueries::usage returns them.
    [[nodiscard]] std::vector<UsageRow> rows() const;

private:
    [[nodiscard]] bool by_time() const { return by_ == UsageBy::day || by_ == UsageBy::hour; }
    /// Whose sums they are: an id as its 16 bytes behind a 1; else a name behind a 0.
    using Subject = std::string;

    std::int64_t bucket_of(UnixMicros time) const;
    [[nodiscard]] Subject subject_of(const GroupName& name) const;
    [[nodiscard]] UsageRow row_of(const Subject& subject, const Named& named) const;
    bool counts(const GroupName& name) const { return users_ == nullptr || users_->contains(name.user); }

    UsageBy by_;
    const UserSet* users_;
    std::unordered_map<Subject, Named> by_subject_;
    std::unordered_map<std::int64_t, Sums> by_bucket_;
    std::unordered_map<std::int64_t, Group> by_group_;
    Named timed_;  // stands for groups that count by time
};

}  // namespace lurus::log
