#include "control/state/main_database.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "core/db/backup_archive.hpp"
#include "core/db/database_snapshot.hpp"
#include "core/db/database_watch.hpp"
#include "core/os/platform.hpp"
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

constexpr const char* database_ends[] = {"", "-wal", "-shm"};

// Where a damaged database and what belongs to it can go without taking the place of an earlier one.
std::string unused_name(const fs::path& file) {
    for (int number = 1;; ++number) {
        const std::string name = file.string() + ".damaged" + (number == 1 ? "" : "-" + std::to_string(number));
        if (std::ranges::none_of(database_ends, [&](const char* end) { return is_there(name + end); })) return name;
    }
}

fs::path kept_ahead(const fs::path& data_dir) {
    return data_dir / (std::string(main_database_name) + ".snapshot.ahead");
}

// Every change gives one of the feeds a higher number.
std::optional<std::int64_t> changes_in(const fs::path& file) {
    const auto moment = DatabaseMoment::open(file);
    if (!moment) return std::nullopt;
    const auto sum = (*moment)->text("SELECT sum(number) FROM feed_head");
    std::int64_t changes = 0;
    if (!sum || std::from_chars(sum->data(), sum->data() + sum->size(), changes).ec != std::errc()) return std::nullopt;
    return changes;
}

void keep_ahead(const fs::path& data_dir) {
    const fs::path ahead = snapshot_ahead(data_dir, false), kept = kept_ahead(data_dir);
    if (ahead.empty() || ahead == kept) return;
    const std::error_code error = platform::rename_over(ahead, kept);
    spdlog::warn("{} lacks changes that its snapshot has (was it copied without its -wal?); {}: see `lurus doctor`",
                 (data_dir / main_database_name).string(),
                 error ? "the snapshot could not be kept: " + error.message() : "it is kept as " + kept.string());
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
    if (usable) {
        keep_ahead(data_dir);
        return MainDatabase{file, ""};
    }

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
    for (const char* end : database_ends) fs::remove(data_dir / (std::string(stand_in_name) + end), ignored);
}

fs::path snapshot_ahead(const fs::path& data_dir, bool in_use) {
    const fs::path file = data_dir / main_database_name, snapshot = snapshot_of(file), kept = kept_ahead(data_dir);
    if (is_there(kept)) return kept;
    if (in_use || is_lost(file) || !is_there(snapshot)) return {};
    const auto here = changes_in(file), there = changes_in(snapshot);
    return here && there && *here < *there ? snapshot : fs::path();
}

std::string restore_steps(const fs::path& data_dir, const fs::path& snapshot, platform::HomeStyle style) {
    const fs::path file = data_dir / main_database_name;
    const auto word = [style](const std::string& path) { return shell_word(path, style); };
    const std::string from = word(file.string()), to = word(unused_name(file));
    const auto quoted = [&word](const std::string& path) {
        std::string text = word(path);
        return text.starts_with('\'') ? text : "'" + text + "'";
    };
    const std::string rest =
        " (to begin anew instead, leave out the last move and move the snapshot away too), and start it again";
    // A database and its -wal and -shm belong together: what was stored last may only be in the -wal.
    if (style == platform::HomeStyle::windows)
        return "stop lurus serve, then in PowerShell: foreach ($end in '', '-wal', '-shm') { $from = " + quoted(from) +
               " + $end; if (Test-Path -LiteralPath $from) { Move-Item -LiteralPath $from (" + quoted(to) +
               " + $end) } }; Move-Item -LiteralPath " + word(snapshot.string()) + " " + from + rest;
    return "stop lurus serve, then: for end in '' -wal -shm; do if [ -e " + from + "$end ]; then mv " + from + "$end " +
           to + "$end; fi; done && mv -n " + word(snapshot.string()) + " " + from + rest;
}

}  // namespace lurus::control
