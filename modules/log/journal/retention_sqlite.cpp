#include "modules/log/journal/upkeep.hpp"
#include "modules/log/journal/upkeep_sql.hpp"

namespace lurus::log {
namespace {

constexpr std::int64_t look_every_us = 10 * minute_us;
constexpr int slice_rows = 256;
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
        const UnixMicros wished = settled_.now() - retention_days_ * 24 * hour_us;
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
    auto& rows = sql_->rows;
    rows.forget();
    std::int64_t last = 0;
    bool unbooked = false;
    int looked_at = 0;
    for (bool any = rows.seek(1); any && looked_at < slice_rows && rows.time() < before;
         any = rows.next(), ++looked_at) {
        unbooked = rows.id() > rolled_to_;
        if (unbooked) break;
        last = rows.id();
    }
    if (last == 0) return unbooked && roll(true);
    rows.seek(last);
    const std::string rest = rows.rows_after();
    WriteTransaction transaction(*store_);
    if (!rest.empty()) {
        sql_->cut_row_batch.bind(1, last + 1);
        sql_->cut_row_batch.bind_text(2, rest);
        sql_->cut_row_batch.bind(3, rows.batch_id());
        sql_->cut_row_batch.run();
    }
    sql_->delete_row_batches.bind(1, last);
    sql_->delete_row_batches.run();
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
    sql_->rows.forget();
    const std::int64_t first_row = sql_->rows.seek(1) ? sql_->rows.id() : state_.committed_id + 1;
    if (segment_of(first_row) <= segment) return false;
    WriteTransaction transaction(*store_);
    sql_->delete_postings.bind(1, posting_end(segment));
    sql_->delete_postings.run();
    sql_->delete_shared_names.bind(1, first_id_of(segment + 1));
    sql_->delete_shared_names.run();
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
