#pragma once
// The journal and its queries over one SQLite file. For the composition root alone.

#include <filesystem>
#include <memory>

#include "lurus/clock.hpp"
#include "lurus/result.hpp"
#include "lurus/store/journal.hpp"
#include "lurus/store/record_queries.hpp"

namespace lurus {

struct LogSettings {
    std::filesystem::path file;  // data/log.db
    std::int64_t queue_cap_bytes = 64 << 20;
    int commit_patience_ms = 5000;  // records that are not written after it are announced as not safe
    bool strict = false;            // true: a commit survives power loss (synchronous=FULL)
    int retention_days = 0;         // 0 = keep everything
};

/// Both ports of one file.
class RequestLog : public Journal, public RecordQueries {
public:
    /// Of the node that appends here: made with the file, and kept in it.
    [[nodiscard]] virtual Id node_id() const = 0;
};

/// Opens or makes the file and runs its migrations. `corrupt` when it is not ours or newer than this program.
Result<std::unique_ptr<RequestLog>> make_request_log_sqlite(const LogSettings& settings, const Clock& clock);

}  // namespace lurus
