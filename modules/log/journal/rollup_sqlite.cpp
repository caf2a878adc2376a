#include <algorithm>

#include "modules/log/journal/upkeep.hpp"
#include "modules/log/journal/upkeep_sql.hpp"

namespace lurus::log {
namespace {

constexpr std::int64_t roll_rows = 32768;  // book when so many rows wait ...
constexpr std::size_t roll_cells = 8192;   // ... or their sums take so much memory
constexpr std::size_t slice_names = 128;
constexpr std::size_t slice_cells = 192;
constexpr std::size_t known_groups_most = 16384;

/// The ids of a group as the table has them; empty = unknown.
struct GroupIds {
    std::string key, team, org;
    explicit GroupIds(const GroupName& name)
        : key(text_of(name.key_id)), team(text_of(name.team_id)), org(text_of(name.org_id)) {}
    static std::string text_of(const Id& id) { return id.is_zero() ? std::string() : id.hex(); }
};

void bind_name(SqliteStatement& statement, const GroupName& name, const GroupIds& ids) {
    statement.bind_text(1, name.model);
    statement.bind_text(2, name.provider);
    statement.bind_text(3, name.key);
    statement.bind_text(4, name.user);
    // Until the statement has run, the texts stay in `ids`.
    statement.bind_text(5, ids.key);
    statement.bind_text(6, ids.team);
    statement.bind_text(7, ids.org);
}

/// What is remembered of a group's id by.
std::string known_as(const GroupName& name) {
    std::string text = name.model + '\0' + name.provider + '\0' + name.key + '\0' + name.user;
    for (const Id* id : {&name.key_id, &name.team_id, &name.org_id}) {
        text.append(reinterpret_cast<const char*>(id->bytes.data()), id->bytes.size());
    }
    return text;
}

void run_booking(SqliteStatement& upsert, std::int64_t bucket, std::int64_t group, const Sums& sums) {
    upsert.bind(1, bucket);
    upsert.bind(2, group);
    int at = 3;
    for (const auto member : sums_members) upsert.bind(at++, sums.*member);
    upsert.run();
}

}  // namespace

bool Upkeep::roll(bool now) {
    if (state_.booking.groups.empty()) {
        const RollupRun& waiting = state_.gathering;
        if (waiting.rows == 0 || (!now && waiting.rows < roll_rows && waiting.cells < roll_cells)) return false;
        const std::lock_guard lock(state_.mutex);
        state_.booking = std::move(state_.gathering);
        state_.booked = 0;
        state_.gathering = RollupRun();
        state_.gathering.last_id = state_.booking.last_id;
        named_ = 0;
        ordered_ = false;
        return true;
    }
    if (named_ < state_.booking.groups.size()) {
        name_groups();
    } else if (!ordered_) {
        order_groups();
    } else {
        book_groups();
    }
    return true;
}

// False when the booking, if there is one, knows which of its groups are done.
bool Upkeep::resume_booking() {
    if (state_.booking.groups.empty() || ordered_) return false;
    return roll(false);
}

void Upkeep::name_groups() {
    auto& groups = state_.booking.groups;
    const std::size_t end = std::min(groups.size(), named_ + slice_names);
    std::vector<std::int64_t> ids;
    WriteTransaction transaction(*store_);
    for (std::size_t i = named_; i < end; ++i) ids.push_back(group_id(groups[i].name));
    transaction.commit();
    if (group_ids_.size() > known_groups_most) group_ids_.clear();
    for (std::size_t i = named_; i < end; ++i) {
        const auto& name = groups[i].name;
        group_ids_.insert_or_assign(known_as(name), ids[i - named_]);
        groups[i].id = ids[i - named_];
    }
    named_ = end;
}

std::int64_t Upkeep::group_id(const GroupName& name) {
    const auto known = group_ids_.find(known_as(name));
    if (known != group_ids_.end()) return known->second;
    const GroupIds ids(name);
    bind_name(sql_->find_group, name, ids);
    if (sql_->find_group.step()) {
        const std::int64_t id = sql_->find_group.integer(0);
        sql_->find_group.reset();
        return id;
    }
    bind_name(sql_->insert_group, name, ids);
    sql_->insert_group.step();
    const std::int64_t id = sql_->insert_group.integer(0);
    sql_->insert_group.reset();
    return id;
}

// The cursor within a booking is a group id: groups are booked in the order of their ids.
void Upkeep::order_groups() {
    const std::lock_guard lock(state_.mutex);
    auto& groups = state_.booking.groups;
    std::ranges::sort(groups, {}, &RollupGroup::id);
    state_.booked = static_cast<std::size_t>(std::ranges::upper_bound(groups, skip_groups_to_, {}, &RollupGroup::id) -
                                             groups.begin());
    skip_groups_to_ = 0;
    ordered_ = true;
}

void Upkeep::book_groups() {
    auto& booking = state_.booking;
    std::size_t end = state_.booked;
    WriteTransaction transaction(*store_);
    for (std::size_t cells = 0; end < booking.groups.size() && cells < slice_cells; ++end) {
        book(booking.groups[end]);
        cells += booking.groups[end].minutes.size();
    }
    const bool finished = end == booking.groups.size();
    sql_->set_cursor.bind(1, finished ? booking.last_id : rolled_to_);
    sql_->set_cursor.bind(2, finished ? 0 : booking.last_id);
    sql_->set_cursor.bind(3, finished ? 0 : booking.groups[end - 1].id);
    sql_->set_cursor.run();

    RollupRun done;  // freed after the lock
    const std::lock_guard lock(state_.mutex);
    transaction.commit();
    state_.booked = end;
    if (finished) {
        rolled_to_ = booking.last_id;
        std::swap(done, booking);
        state_.booked = 0;
    }
}

void Upkeep::book(const RollupGroup& group) {
    std::vector<std::pair<std::int64_t, Sums>> hours;
    for (const auto& cell : group.minutes) {
        run_booking(sql_->book_minute, cell.minute, group.id, cell.sums);
        const std::int64_t hour = floor_div(cell.minute, 60);
        const auto known = std::ranges::find(hours, hour, &std::pair<std::int64_t, Sums>::first);
        if (known == hours.end()) {
            hours.emplace_back(hour, cell.sums);
        } else {
            known->second += cell.sums;
        }
    }
    for (const auto& [hour, sums] : hours) run_booking(sql_->book_hour, hour, group.id, sums);
}

}  // namespace lurus::log
