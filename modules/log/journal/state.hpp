#pragma once
// What the writer publishes to the readers: the part of the log that the database has not indexed and summed yet.

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "lurus/store/journal.hpp"
#include "modules/log/journal/rollup.hpp"
#include "modules/log/journal/segment.hpp"

namespace lurus::log {

/// The writer changes the fields with the mutex held and reads them without; everybody else takes the mutex for both.
struct LogState {
    std::mutex mutex;
    std::condition_variable became_ready;
    /// False while the rows after the cursors are read back at the start: reads wait for it.
    bool ready = false;

    std::int64_t committed_id = 0;                   // rows up to it may be shown
    UnixMicros max_time = INT64_MIN;                 // of all rows
    std::int64_t closed_segments = 0;                // segments below this number have their postings in the database
    std::vector<std::shared_ptr<OpenSegment>> open;  // ascending, from closed_segments on

    // Rows that the rollup tables do not hold, older first. The groups of `booking` before `booked` are booked already:
    // that changes, with the mutex held, together with the database.
    RollupRun booking;
    std::size_t booked = 0;
    RollupRun gathering;

    LogStatus status;  // queued and queued_bytes are elsewhere
};

}  // namespace lurus::log
