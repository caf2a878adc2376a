#include <algorithm>

#include "modules/log/journal/upkeep.hpp"
#include "modules/log/journal/upkeep_sql.hpp"

namespace lurus::log {
namespace {

constexpr int read_back_rows = 512;  // in one slice

}  // namespace

Upkeep::Upkeep(const LogSettings& settings, const Clock& clock, LogState& state)
    : state_(state), clock_(clock), settled_(clock), retention_days_(settings.retention_days) {}

Upkeep::~Upkeep() = default;

void Upkeep::attach(Store& store) {
    store_ = &store;
    sql_ = std::make_unique<Statements>(store.db());
    if (std::exchange(started_, true)) return;
    cursors_ = store.cursors();
    rolled_to_ = cursors_.rolled_to;
    skip_groups_to_ = cursors_.rolling_group;
    read_to_ = std::min(cursors_.rolled_to, cursors_.closed_segments * segment_rows);
    filled_to_ = cursors_.closed_segments * segment_rows;
    const std::lock_guard lock(state_.mutex);
    state_.committed_id = cursors_.last_id;
    state_.closed_segments = cursors_.closed_segments;
    state_.max_time = cursors_.max_time;
    state_.booking.last_id = cursors_.rolling_to;
    state_.gathering.last_id = cursors_.last_id;
}

void Upkeep::detach() {
    sql_.reset();
    store_ = nullptr;
}

void Upkeep::put(std::int64_t id, const RowHashes& hashes, UnixMicros time) {
    const std::int64_t number = segment_of(id);
    while (state_.open.empty() || state_.open.back()->number() < number) {
        const std::int64_t next = state_.open.empty() ? state_.closed_segments : state_.open.back()->number() + 1;
        auto segment = std::make_shared<OpenSegment>(next);
        const std::lock_guard lock(state_.mutex);
        state_.open.push_back(std::move(segment));
    }
    state_.open[static_cast<std::size_t>(number - state_.closed_segments)]->put(offset_of(id), hashes, time);
}

void Upkeep::added(const std::vector<Batch>& batches, std::int64_t last_id) {
    const std::vector<RowHashes>& hashes = store_->hashes();
    UnixMicros max_time = state_.max_time;
    std::size_t at = 0;
    for (const auto& batch : batches) {
        for (const auto& entry : batch.entries) {
            put(entry.record.id, hashes[at++], entry.record.time);
            max_time = std::max(max_time, entry.record.time);
        }
    }
    at = 0;
    const std::lock_guard lock(state_.mutex);
    for (const auto& batch : batches) {
        for (const auto& entry : batch.entries) state_.gathering.add(entry.record, hashes[at++]);
    }
    state_.gathering.last_id = last_id;
    state_.committed_id = last_id;
    state_.max_time = max_time;
}

bool Upkeep::step() {
    if (!state_.ready) {
        if (!read_back()) {
            const std::lock_guard lock(state_.mutex);
            state_.ready = true;
            state_.became_ready.notify_all();
        }
        return true;
    }
    return close_segment() || roll(false) || remove_old();
}

bool Upkeep::read_back() {
    auto& rows = sql_->rows;
    rows.forget();
    int read = 0;
    for (bool any = rows.seek(read_to_ + 1); any && read < read_back_rows && rows.id() <= cursors_.last_id;
         any = rows.next(), ++read) {
        const RequestRecord& record = rows.indexed();
        const RowHashes hashes = hashes_of(record);
        read_to_ = record.id;
        if (segment_of(record.id) >= cursors_.closed_segments) {
            fill_up_to(record.id - 1, record.time);
            put(record.id, hashes, record.time);
            filled_to_ = record.id;
        }
        const std::lock_guard lock(state_.mutex);
        state_.max_time = std::max(state_.max_time, record.time);
        if (record.id <= cursors_.rolled_to) continue;
        (record.id <= cursors_.rolling_to ? state_.booking : state_.gathering).add(record, hashes);
    }
    if (read > 0) return true;
    fill_up_to(cursors_.last_id, std::max<UnixMicros>(state_.max_time, 0));
    // Readers must not see the groups that were booked before.
    return resume_booking();
}

// Rows that have been removed still have their place in the segment.
void Upkeep::fill_up_to(std::int64_t id, UnixMicros time) {
    for (; filled_to_ < id; ++filled_to_) put(filled_to_ + 1, RowHashes{}, time);
}

bool Upkeep::close_segment() {
    if (state_.open.empty()) return false;
    const OpenSegment& segment = *state_.open.front();
    if (state_.committed_id < first_id_of(segment.number() + 1) - 1) return false;
    WriteTransaction transaction(*store_);
    if (next_dimension_ < dimension_count) {
        for (const auto& posting : build_postings(segment, next_dimension_)) {
            sql_->insert_posting.bind(1, posting.id);
            sql_->insert_posting.bind_blob(2, posting.data.data(), posting.data.size());
            sql_->insert_posting.run();
        }
        transaction.commit();
        ++next_dimension_;
        return true;
    }
    const BlockTimes blocks = segment.block_times(segment_rows);
    TimeRange all;
    for (const auto& block : blocks) {
        all.add(block.min);
        all.add(block.max);
    }
    const auto encoded = encode_blocks(blocks);
    sql_->insert_segment.bind(1, segment.number());
    sql_->insert_segment.bind(2, all.min);
    sql_->insert_segment.bind(3, all.max);
    sql_->insert_segment.bind_blob(4, encoded.data(), encoded.size());
    sql_->insert_segment.run();
    transaction.commit();
    next_dimension_ = 0;
    const std::lock_guard lock(state_.mutex);
    state_.open.erase(state_.open.begin());
    ++state_.closed_segments;
    return true;
}

}  // namespace lurus::log
