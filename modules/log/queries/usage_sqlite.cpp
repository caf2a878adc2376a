#include <algorithm>

#include "modules/log/queries/reader_sql.hpp"
#include "modules/log/queries/usage_sum.hpp"

namespace lurus::log {
namespace {

void add_waiting(const RollupRun& run, std::size_t from, const UsageRange& range, UsageSum& sum) {
    for (std::size_t i = from; i < run.groups.size(); ++i) {
        const auto& group = run.groups[i];
        std::optional<UsageSum::Group> to;  // a group without anything in the range has no row
        for (const auto& cell : group.minutes) {
            if (cell.minute < range.all_minutes.begin || cell.minute >= range.all_minutes.end) continue;
            if (!to) to = sum.group(group.name);
            sum.add(*to, cell.minute * minute_us, cell.sums);
        }
    }
}

/// Rows of ids [first, last].
void add_ids(RowCursor& rows, std::int64_t first, std::int64_t last, const UsageRange::Part& part, UsageSum& sum) {
    for (bool any = rows.seek(first); any && rows.id() <= last; any = rows.next()) {
        const UnixMicros time = rows.time();
        if (time < part.begin || time >= part.end) continue;
        const RequestRecord& record = rows.summed();
        sum.add(sum.group(GroupName::of(record)), time, sums_of(record));
    }
}

}  // namespace

void Reader::add_booked(SqliteStatement& select, std::int64_t begin, std::int64_t end, std::int64_t unit,
                        UsageSum& sum) {
    if (begin >= end) return;
    select.bind(1, begin);
    select.bind(2, end);
    while (select.step()) {
        Sums sums;
        int column = 2;
        for (const auto member : sums_members) sums.*member = select.integer(column++);
        const std::int64_t id = select.integer(1);
        const UnixMicros time = select.integer(0) * unit;
        if (sum.add(id, time, sums)) continue;
        auto& group = sql_->group;
        group.bind(1, id);
        GroupName name;
        if (group.step()) {
            name = GroupName{std::string(group.text(0)),
                             std::string(group.text(1)),
                             std::string(group.text(2)),
                             std::string(group.text(3)),
                             id_in(group, 4),
                             id_in(group, 5),
                             id_in(group, 6)};
        }
        group.reset();
        sum.known(id, name);
        sum.add(id, time, sums);
    }
}

void Reader::add_rows(const std::vector<Segment>& segments, const UsageRange::Part& part, UsageSum& sum) {
    if (part.empty()) return;
    for (const auto& segment : segments) {
        if (!segment.times.touches(part.begin, part.end)) continue;
        const BlockTimes blocks = block_times(segment);
        const std::int64_t first = first_id_of(segment.number);
        for (std::size_t b = 0; b < blocks.size(); ++b) {
            if (!blocks[b].touches(part.begin, part.end)) continue;
            const auto start = first + static_cast<std::int64_t>(b) * block_rows;
            add_ids(sql_->rows, start, std::min(start + block_rows, first + segment.count) - 1, part, sum);
        }
    }
}

std::vector<UsageRow> Reader::usage(LogState& state, UnixMicros since, UnixMicros until, UsageBy by,
                                    const UserSet* users) {
    UsageSum sum(by, users);
    std::vector<Segment> open;
    std::optional<ReadTransaction> transaction;
    UsageRange range(0, 0);
    {
        // The booking's progress in memory and in the database must be of the same moment.
        const std::lock_guard lock(state.mutex);
        transaction.emplace(*sql_);
        UnixMicros kept_from = 0;
        if (sql_->first_id.step()) kept_from = sql_->first_id.integer(1);
        sql_->first_id.reset();
        // Where rows are gone only whole hours are left.
        if (since < kept_from) since = floor_div(since, hour_us) * hour_us;
        if (until < kept_from) until = ceil_div(until, hour_us) * hour_us;
        // Nothing is later: the last hour is whole, however far it has come.
        const UnixMicros last = std::max(state.max_time, kept_from);
        if (until > last) until = ceil_div(last + 1, hour_us) * hour_us;
        range = UsageRange(since, until);
        add_waiting(state.booking, state.booked, range, sum);
        add_waiting(state.gathering, 0, range, sum);
        open = open_segments(state);
    }
    add_booked(sql_->hours, range.hours.begin, range.hours.end, hour_us, sum);
    for (const auto& minutes : {range.minutes_before, range.minutes_after}) {
        add_booked(sql_->minutes, minutes.begin, minutes.end, minute_us, sum);
    }
    if (!range.rows_before.empty() || !range.rows_after.empty()) {
        const auto all = with_closed(std::move(open));
        add_rows(all, range.rows_before, sum);
        add_rows(all, range.rows_after, sum);
    }
    return sum.rows();
}

}  // namespace lurus::log
