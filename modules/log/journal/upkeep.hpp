#pragma once
// What follows the append, in slices of about a millisecond: postings of full segments, rollups, retention; and at the
// start the reading back of what they had not reached. One thread at a time: the writer's mutex is held.

#include <string>
#include <unordered_map>
#include <vector>

#include "core/os/settled_time.hpp"
#include "modules/log/journal/store.hpp"

namespace lurus::log {

class Upkeep {
public:
    Upkeep(const LogSettings& settings, const Clock& clock, LogState& state);
    ~Upkeep();

    /// Uses the store from now on. Called again when the writer had to open the file anew: nothing in memory is lost.
    void attach(Store& store);
    /// Before the store goes.
    void detach();
    /// The records have been committed: shows them to readers.
    void added(const std::vector<Batch>& batches, std::int64_t last_id);
    /// Does one slice. False when there is nothing to do.
    bool step();
    /// Microseconds until the next look for old rows; negative = never.
    [[nodiscard]] std::int64_t until_next_us() const;

private:
    struct Statements;

    bool read_back();
    void put(std::int64_t id, const RowHashes& hashes, UnixMicros time);
    void fill_up_to(std::int64_t id, UnixMicros time);
    bool close_segment();
    bool roll(bool now);
    bool resume_booking();
    void name_groups();
    void order_groups();
    void book_groups();
    std::int64_t group_id(const GroupName& name);
    void book(const RollupGroup& group);
    bool remove_old();
    bool remove_rows(UnixMicros before);
    bool remove_segment();
    bool remove_minutes(UnixMicros before);

    LogState& state_;
    const Clock& clock_;
    SettledTime settled_;
    const int retention_days_;
    Store* store_ = nullptr;
    bool started_ = false;
    std::unique_ptr<Statements> sql_;

    // Reading back.
    Cursors cursors_;
    std::int64_t read_to_ = 0;    // rows up to it are back
    std::int64_t filled_to_ = 0;  // the open segments hold something for every id up to it

    int next_dimension_ = 0;  // of the segment being closed

    std::int64_t rolled_to_ = 0;
    std::size_t named_ = 0;  // groups of the booking that have an id
    bool ordered_ = false;
    std::int64_t skip_groups_to_ = 0;  // booked before the crash
    std::unordered_map<std::string, std::int64_t> group_ids_;

    std::int64_t next_removal_us_ = 0;  // monotonic
    UnixMicros remove_before_ = 0;      // 0 = no removal under way
};

}  // namespace lurus::log
