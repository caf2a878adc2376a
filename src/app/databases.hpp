#pragma once
// The data folder's databases, watched from outside the modules that use them.

#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/database_watch.hpp"

namespace lurus::app {

/// Any thread.
class Databases {
public:
    struct State {
        std::string file;
        std::string problem;  // empty = it can be used
    };

    /// `lurus.db` and `log.db` are there.
    static Result<std::unique_ptr<Databases>> open(const std::filesystem::path& data_dir);

    /// Whether what the management API changes can be stored. Microseconds.
    Result<void> check_changes();
    /// Each file's; asks for its lock as well, which may take `patience_ms` for each.
    std::vector<State> states(int patience_ms, DatabaseWatch::Depth depth);

    /// Looks at all files and logs what broke or works again. True when `problems()` is not what it was.
    bool look();
    [[nodiscard]] std::vector<std::string> problems() const;

private:
    struct Watched {
        std::string file;
        std::unique_ptr<DatabaseWatch> watch;
    };
    explicit Databases(std::vector<Watched> watched) : watched_(std::move(watched)), problems_(watched_.size()) {}

    const std::vector<Watched> watched_;  // the first holds what the management API changes
    mutable std::mutex mutex_;            // guards problems_
    std::vector<std::string> problems_;   // one for each file; empty = none
};

inline constexpr const char* main_database_name = "lurus.db";
inline constexpr const char* log_database_name = "log.db";

}  // namespace lurus::app
