#include "cli/doctor.hpp"
#include "control/state/control_plane.hpp"
#include "control/state/databases.hpp"
#include "core/db/database_watch.hpp"
#include "core/os/platform.hpp"

namespace lurus::cli {

std::vector<Finding> check_databases(const std::filesystem::path& dir) {
    using Level = Finding::Level;
    constexpr int patience_ms = 1000;
    const bool served = platform::FileLock::held(dir / lock_file_name);
    std::vector<Finding> out;
    for (const std::string name : {control::main_database_name, control::log_database_name}) {
        const auto file = dir / name;
        std::error_code error;
        const bool has_snapshot = name == control::main_database_name && check_snapshot(snapshot_of(file)).has_value();
        if (!std::filesystem::exists(file, error) || std::filesystem::file_size(file, error) == 0) {
            // Without a server it is made at the next start.
            if (has_snapshot)
                out.push_back(
                    {Level::broken, name, file.string() + " is gone", control::restore_steps(dir, snapshot_of(file))});
            else if (served)
                out.push_back({Level::broken, name, file.string() + " is gone, and a server runs",
                               "put it back, or restart the server: it begins with an empty one"});
            continue;
        }
        // Its own server is asked instead: to open a file that is not the one it uses could damage what lies beside it.
        // One that serves the snapshot does not use the file.
        const bool unused =
            name == control::main_database_name && std::filesystem::exists(dir / control::stand_in_name, error);
        if (served && !unused) continue;
        const auto ok = examine_database(file, patience_ms);
        if (ok && !unused) {
            out.push_back({Level::good, name, "whole, and can be changed", ""});
        } else if (ok) {
            out.push_back({Level::warning, name, "whole again", "restart lurus serve to use it"});
        } else if (ok.error().code == ErrorCode::corrupt && has_snapshot) {
            out.push_back({Level::broken, name, ok.error().message, control::restore_steps(dir, snapshot_of(file))});
        } else if (ok.error().code == ErrorCode::corrupt) {
            out.push_back({Level::broken, name, ok.error().message,
                           "move " + file.string() +
                               " aside together with its -wal and -shm, then restore a backup: "
                               "lurus restore BACKUP (without one: sqlite3 FILE .recover)"});
        } else {
            out.push_back({Level::broken, name, ok.error().message,
                           has_snapshot ? "until then lurus serve goes on from its snapshot, and refuses changes"
                                        : "lurus serve does not start on it"});
        }
    }
    if (const auto ahead = control::snapshot_ahead(dir, served || any_broken(out)); !ahead.empty())
        out.push_back(
            {Level::warning, control::main_database_name,
             "it lacks changes that " + ahead.string() + " has: was it copied without its -wal?",
             "to have them: " + control::restore_steps(dir, ahead) + "; if all is well: remove the snapshot"});
    return out;
}

}  // namespace lurus::cli
