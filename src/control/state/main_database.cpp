#include "control/state/main_database.hpp"

#include "core/db/database_snapshot.hpp"
#include "core/db/database_watch.hpp"
#include "core/text/shell_word.hpp"

namespace lurus::control {
namespace {

namespace fs = std::filesystem;

constexpr int patience_ms = 2000;  // for a lock that somebody holds

// An empty file is a database as well, of nothing.
bool is_lost(const fs::path& file) {
    std::error_code error;
    const auto status = fs::status(file, error);
    if (!fs::exists(status)) return true;
    const auto size = fs::file_size(file, error);
    return !error && size == 0;
}

bool is_there(const fs::path& file) {
    std::error_code ignored;
    return fs::exists(file, ignored);
}

}  // namespace

Result<MainDatabase> choose_main_database(const fs::path& data_dir) {
    remove_stand_in(data_dir);
    const fs::path file = data_dir / main_database_name, snapshot = snapshot_of(file);
    Result<void> usable;
    if (!is_lost(file))
        usable = examine_database(file, patience_ms);
    else if (is_there(snapshot))
        usable =
            fail(ErrorCode::unavailable, file.string() + (is_there(file) ? " is damaged: it is empty" : " is gone"));
    if (usable) return MainDatabase{file, ""};

    const std::string& reason = usable.error().message;
    const auto made = check_snapshot(snapshot);
    if (!made) {
        if (made.error().code == ErrorCode::not_found) return std::unexpected(usable.error());
        return fail(usable.error().code,
                    reason + "; and " + made.error().message + ": restore a backup, or remove both to begin anew");
    }
    const fs::path stand_in = data_dir / stand_in_name;
    if (auto done = unpack_snapshot(snapshot, stand_in); !done)
        return fail(usable.error().code, reason + "; and " + done.error().message);
    return MainDatabase{stand_in, reason + "; since the start its snapshot of " + format_time(*made) +
                                      " is served, and nothing can be changed: see `lurus doctor`"};
}

Result<void> check_not_lost(const fs::path& data_dir) {
    const fs::path file = data_dir / main_database_name;
    if (!is_lost(file) || !is_there(snapshot_of(file))) return {};
    return fail(ErrorCode::unavailable, file.string() + " is gone, and its snapshot is there: see `lurus doctor`");
}

void remove_stand_in(const fs::path& data_dir) {
    std::error_code ignored;
    for (const char* end : {"", "-wal", "-shm"}) fs::remove(data_dir / (std::string(stand_in_name) + end), ignored);
}

std::string restore_steps(const fs::path& data_dir) {
    const fs::path file = data_dir / main_database_name;
    const auto word = [&](const char* end) { return shell_word(file.string() + end); };
    std::string steps = "stop lurus serve, then: ";
    if (is_there(file)) steps += "mv " + word("") + " " + word(".damaged") + " && ";
    return steps + "rm -f " + word("-wal") + " " + word("-shm") + " && mv " + word(".snapshot") + " " + word("") +
           " (to begin anew instead, remove both), and start it again";
}

}  // namespace lurus::control
