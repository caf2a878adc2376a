#include "modules/log/upkeep.hpp"
#include "modules/log/upkeep_sql.hpp"

namespace lurus::log {
namespace {

constexpr std::int64_t look_every_us = 10 * minute_us;
constexpr std::int64_t slice_rows = 256;
constexpr std::int64_t slice_minutes = 4;

}  // namespace

std::int64_t Upkeep::until_next_us() const {
    if (retention_days_ <= 0) return -1;
    return std::max<std::int64_t>(0, next_removal_us_ - clock_.monotonic_us());
}

bool Upkeep::remove_old() {
    if (retention_days_ <= 0) return false;
    if (remove_before_ == 0) {
        if (until_next_us() > 0) return false;
        // Whole hours, so that the rollups stay exact for what they still cover.
        const UnixMicros wished = clock_.now() - retention_days_ * 24 * hour_us;
        const UnixMicros before = floor_div(wished, hour_us) * hour_us;
        WriteTransaction transaction(*store_);
        sql_->set_kept_from.bind(1, before);
        sql_->set_kept_from.run();
        transaction.commit();
        remove_before_ = before;
    }
    if (remove_rows(remove_before_) || remove_segment() || remove_minutes(remove_before_)) return true;
    remove_before_ = 0;
    next_removal_us_ = clock_.monotonic_us() + look_every_us;
    return false;
}

// From the front, up to the first row that is young enough: ids follow the time at which requests ended, so that a row
// which started earlier can wait behind one that started later, until that one is old too.
bool Upkeep::remove_rows(UnixMicros before) {
    auto& oldest = sql_->oldest;
    oldest.bind(1, slice_rows);
    std::int64_t last = 0;
    bool unbooked = false;
    while (!unbooked && oldest.step()) {
        if (oldest.integer(1) >= before) break;
        unbooked = oldest.integer(0) > rolled_to_;
        if (!unbooked) last = oldest.integer(0);
    }
    oldest.reset();
    if (last == 0) return unbooked && roll(true);
    WriteTransaction transaction(*store_);
    sql_->delete_records.bind(1, last);
    sql_->delete_records.run();
    sql_->delete_bodies.bind(1, last);
    sql_->delete_bodies.run();
    transaction.commit();
    return true;
}

bool Upkeep::remove_segment() {
    auto& oldest_segment = sql_->oldest_segment;
    if (!oldest_segment.step()) return false;
    const std::int64_t segment = oldest_segment.integer(0);
    oldest_segment.reset();
    std::int64_t first_row = state_.committed_id + 1;
    sql_->oldest.bind(1, std::int64_t{1});
    if (sql_->oldest.step()) first_row = sql_->oldest.integer(0);
    sql_->oldest.reset();
    if (segment_of(first_row) <= segment) return false;
    WriteTransaction transaction(*store_);
    sql_->delete_postings.bind(1, posting_end(segment));
    sql_->delete_postings.run();
    sql_->delete_segment.bind(1, segment);
    sql_->delete_segment.run();
    transaction.commit();
    return true;
}

bool Upkeep::remove_minutes(UnixMicros before) {
    auto& oldest_minute = sql_->oldest_minute;
    const std::int64_t end = floor_div(before, minute_us);
    std::int64_t oldest = end;
    if (oldest_minute.step() && !oldest_minute.is_null(0)) oldest = oldest_minute.integer(0);
    oldest_minute.reset();
    if (oldest >= end) return false;
    WriteTransaction transaction(*store_);
    sql_->delete_minutes.bind(1, std::min(end, oldest + slice_minutes));
    sql_->delete_minutes.run();
    transaction.commit();
    return true;
}

}  // namespace lurus::log
