#pragma once
// The data folder's databases, watched from outside the modules that use them.

#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "control/state/main_database.hpp"
#include "core/db/database_snapshot.hpp"
#include "core/db/database_watch.hpp"
#include "lurus/clock.hpp"

namespace lurus::control {

/// Any thread.
class Databases {
public:
    struct State {
        std::string file;
        std::string problem;  // empty = it can be used
    };

    /// `main` and `log.db` are there. `keep_snapshot`: of lurus.db, for a start without it.
    static Result<std::unique_ptr<Databases>> open(const std::filesystem::path& data_dir, const MainDatabase& main,
                                                   bool keep_snapshot, const Clock& clock);

    /// Whether what the management API changes can be stored. Microseconds.
    Result<void> check_changes();
    /// Each file's; asks for its lock as well, which may take `patience_ms` for each.
    std::vector<State> states(int patience_ms, DatabaseWatch::Depth depth);

    /// Looks at all files and at the room for them, and logs what broke or works again. True when `problems()` is not
    /// what it was. One thread.
    bool look();
    /// Brings the snapshot up to date, unless lurus.db cannot be used. The thread of `look`.
    void take_snapshot();
    [[nodiscard]] std::vector<std::string> problems() const;

private:
    struct Watched {
        std::string file;
        std::unique_ptr<DatabaseWatch> watch;
    };
    Databases(std::filesystem::path data_dir, std::vector<Watched> watched,
              std::unique_ptr<DatabaseSnapshots> snapshots, const Clock& clock)
        : data_dir_(std::move(data_dir)),
          watched_(std::move(watched)),
          snapshots_(std::move(snapshots)),
          clock_(clock),
          problems_(watched_.size() + 1) {}
    bool note(std::size_t place, const std::string& problem, const std::string& well);

    const std::filesystem::path data_dir_;
    const std::vector<Watched> watched_;                  // the first holds what the management API changes
    const std::unique_ptr<DatabaseSnapshots> snapshots_;  // null = none are kept
    const Clock& clock_;
    std::int64_t next_snapshot_us_ = 0;  // of the monotonic clock
    std::string snapshot_problem_;
    mutable std::mutex mutex_;           // guards problems_
    std::vector<std::string> problems_;  // one for each file, then the disk's; empty = none
};

inline constexpr const char* log_database_name = "log.db";

}  // namespace lurus::control
