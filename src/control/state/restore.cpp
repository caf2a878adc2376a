#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "control/state/backup.hpp"
#include "control/state/main_database.hpp"
#include "core/crypto/secret_box.hpp"
#include "core/os/disk_room.hpp"
#include "core/os/files.hpp"
#include "core/os/platform.hpp"
#include "core/os/sealed_text.hpp"
#include "core/os/server_file.hpp"

namespace lurus::control {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// A restore is written into the first folder. The rename to the second one is the moment from which it counts: whoever
// opens the data folder next puts its files in place first.
constexpr const char* gathering = "restore.part";
constexpr const char* gathered = "restore.ready";
constexpr const char* plan_name = "plan.json";

constexpr std::string_view key_files[] = {"master.key", token_file_name};
constexpr const char* restorable[] = {"lurus.db", "kept.db", "log.db"};
constexpr const char* belonging[] = {"",          "-wal",          "-shm",         ".snapshot", ".snapshot.ahead",
                                     ".stand-in", ".stand-in-wal", ".stand-in-shm"};

bool exists_at(const fs::path& file) {
    std::error_code ignored;
    return fs::exists(fs::symlink_status(file, ignored));
}

// A colon is no part of a file's name everywhere.
std::string aside_name(const fs::path& data_dir, UnixMicros now) {
    std::string stamp = format_time(now).substr(0, 19);
    std::erase_if(stamp, [](char c) { return c == ':' || c == '-'; });
    for (int number = 1;; ++number) {
        const std::string name = "replaced-" + stamp + (number == 1 ? "" : "-" + std::to_string(number));
        if (!exists_at(data_dir / name)) return name;
    }
}

// What may lie in a folder that counts as empty: what a person brings, and what an earlier restore has put aside.
bool is_no_data(const fs::path& entry, const fs::path& backup) {
    const std::string name = entry.filename().string();
    std::error_code ignored;
    return name == lock_file_name || name == token_file_name || name == "master.key" || name == gathering ||
           name == server_file_name || name == "lost+found" || name.starts_with("replaced-") ||
           entry.extension() == ".toml" || fs::equivalent(entry, backup, ignored);
}

Result<std::vector<std::string>> data_in(const fs::path& data_dir, const fs::path& backup) {
    std::vector<std::string> found;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(data_dir, error)) {
        if (!is_no_data(entry.path(), backup)) found.push_back(entry.path().filename().string());
    }
    if (error) return fail(ErrorCode::unavailable, "cannot read " + data_dir.string() + ": " + error.message());
    std::ranges::sort(found);
    return found;
}

Result<void> move_file(const fs::path& from, const fs::path& to) {
    const std::error_code error = platform::rename_over(from, to);
    if (!error) return {};
    return fail(ErrorCode::unavailable, "cannot move " + from.string() + " to " + to.string() + ": " + error.message());
}

// True when something was there.
Result<bool> put_aside(const fs::path& data_dir, const std::string& name, const std::string& aside) {
    if (!exists_at(data_dir / name)) return false;
    if (auto made = make_private_dir(data_dir / aside); !made) return std::unexpected(made.error());
    if (auto moved = move_file(data_dir / name, data_dir / aside / name); !moved) return std::unexpected(moved.error());
    return true;
}

Result<void> extract(BackupReader& backup, const BackupManifest::Part& part, const fs::path& to,
                     const BackupProgress& progress) {
    if (auto made = platform::write_new_private_file(to, ""); !made) return made;
    std::ofstream out(to, std::ios::binary | std::ios::app);
    const auto read = backup.read(
        part.file.name,
        [&](std::string_view piece) -> Result<void> {
            if (out.write(piece.data(), static_cast<std::streamsize>(piece.size()))) return {};
            return fail(ErrorCode::unavailable, "cannot write " + to.string() + ": is the disk full?");
        },
        [&](std::uint64_t done, std::uint64_t all) {
            if (progress) progress(part.file.name, done, all);
        });
    if (!read) return std::unexpected(read.error());
    out.close();
    if (!out) return fail(ErrorCode::unavailable, "cannot write " + to.string() + ": is the disk full?");
    if (read->sha256 != part.file.sha256 || read->size != part.file.size)
        return fail(ErrorCode::corrupt, "the backup is not whole (" + part.file.name + ")");
    return platform::append_synced(to, "");
}

Result<void> check_room(const fs::path& data_dir, const BackupManifest& manifest) {
    std::uint64_t needed = 1 << 20;
    for (const auto& part : manifest.files) needed += part.file.size;
    const auto room = room_in(data_dir);
    if (!room || *room >= needed) return {};
    return fail(ErrorCode::unavailable, "there is no room in " + data_dir.string() + ": " +
                                            std::to_string(needed >> 20) + " MiB are needed, " +
                                            std::to_string(*room >> 20) + " MiB are free");
}

// What is written under one master key cannot be read under another.
Result<bool> needs_master_key(const BackupWanted& wanted, const BackupManifest& manifest,
                              const std::map<std::string, Secret>& keys) {
    if (manifest.master_key.empty() || keys.contains("master.key")) return false;
    const auto here = master_key_id(wanted.data_dir, wanted.master_key);
    if (!here) return std::unexpected(here.error());
    if (here->empty()) return true;
    if (*here == manifest.master_key) return false;
    return fail(ErrorCode::conflict, "the backup belongs to the master key " + manifest.master_key + ", and " +
                                         (wanted.master_key.empty() ? (wanted.data_dir / "master.key").string()
                                                                    : std::string("LURUS_MASTER_KEY")) +
                                         " is " + *here + ": put the right one there");
}

Result<void> write_plan(const fs::path& folder, const BackupManifest& manifest, const std::string& aside) {
    Json plan{{"aside", aside}, {"files", Json::array()}};
    for (const auto& part : manifest.files) plan["files"].push_back(part.file.name);
    return write_private_file(folder / plan_name, plan.dump() + "\n");
}

Result<void> gather(BackupReader& backup, const BackupWanted& wanted, const BackupManifest& manifest,
                    const std::map<std::string, Secret>& keys, const std::string& aside,
                    const BackupProgress& progress) {
    const fs::path folder = wanted.data_dir / gathering;
    std::error_code error;
    fs::remove_all(folder, error);  // of a restore that was ended before it counted
    if (auto made = make_private_dir(folder); !made) return made;
    for (const auto& part : manifest.files) {
        if (auto done = extract(backup, part, folder / part.file.name, progress); !done) return done;
    }
    for (const auto& [name, secret] : keys) {
        if (name != "master.key" && name != token_file_name)
            return fail(ErrorCode::corrupt, "the backup's keys have a name that this lurus does not know");
        const auto held = name == "master.key" ? platform::seal_text(secret.reveal()) : std::string(secret.reveal());
        if (!held) return std::unexpected(held.error());
        if (auto done = write_private_file(folder / name, *held); !done) return done;
    }
    if (auto done = write_plan(folder, manifest, aside); !done) return done;
    platform::sync_dir(folder);
    return move_file(folder, wanted.data_dir / gathered);
}

Result<std::unique_ptr<platform::FileLock>> lock_of(const fs::path& data_dir) {
    auto lock = platform::FileLock::exclusive(data_dir / lock_file_name);
    if (lock || lock.error().code != ErrorCode::conflict) return lock;
    return fail(ErrorCode::conflict, "a server uses " + data_dir.string() + ": stop it first");
}

}  // namespace

bool restore_is_unfinished(const fs::path& data_dir) {
    return exists_at(data_dir / gathered);
}

Result<void> finish_restore(const fs::path& data_dir) {
    const fs::path ready = data_dir / gathered;
    if (!exists_at(ready)) return {};
    const auto text = read_file(ready / plan_name, 4096);
    if (!text) return std::unexpected(text.error());
    const Json plan = Json::parse(*text, nullptr, false);
    if (!plan.is_object() || !plan.contains("aside") || !plan.contains("files"))
        return fail(ErrorCode::corrupt, (ready / plan_name).string() + " cannot be read: restore the backup again");
    const auto aside = plan["aside"].get<std::string>();
    const auto files = plan["files"].get<std::vector<std::string>>();
    // A file that is not here any more is in its place already, and must not be put aside again.
    for (const std::string name : restorable) {
        const bool waits = exists_at(ready / name);
        if (!waits && std::ranges::find(files, name) != files.end()) continue;
        for (const char* end : belonging) {
            if (auto moved = put_aside(data_dir, name + end, aside); !moved) return std::unexpected(moved.error());
        }
        if (!waits) continue;
        if (auto moved = move_file(ready / name, data_dir / name); !moved) return moved;
    }
    for (const std::string_view file : key_files) {
        const std::string name(file);
        if (!exists_at(ready / name)) continue;
        if (auto moved = put_aside(data_dir, name, aside); !moved) return std::unexpected(moved.error());
        if (auto moved = move_file(ready / name, data_dir / name); !moved) return moved;
    }
    platform::sync_dir(data_dir);
    // Under its other name nobody takes what is left of it for a restore that waits, wherever this ends.
    const fs::path over = data_dir / gathering;
    std::error_code error;
    fs::remove_all(over, error);
    if (auto moved = move_file(ready, over); !moved) return moved;
    fs::remove_all(over, error);
    if (error) return fail(ErrorCode::unavailable, "cannot remove " + over.string() + ": " + error.message());
    return {};
}

Result<Restored> restore_backup(const BackupWanted& wanted, const Clock& clock, const BackupProgress& progress) {
    auto backup = BackupReader::open(wanted.file);
    if (!backup) return std::unexpected(backup.error());
    auto manifest = manifest_of(**backup);
    if (!manifest) return std::unexpected(manifest.error());
    std::map<std::string, Secret> keys;
    if (manifest->with_keys && wanted.passphrase) {
        auto opened = keys_of_backup(**backup, *wanted.passphrase);
        if (!opened) return std::unexpected(opened.error());
        keys = *std::move(opened);
    }
    if (auto made = make_private_dir(wanted.data_dir); !made) return std::unexpected(made.error());
    const auto lock = lock_of(wanted.data_dir);
    if (!lock) return std::unexpected(lock.error());
    if (auto done = finish_restore(wanted.data_dir); !done) return std::unexpected(done.error());
    auto data = data_in(wanted.data_dir, wanted.file);
    if (!data) return std::unexpected(data.error());
    if (keys.contains("master.key") && exists_at(wanted.data_dir / "master.key")) data->push_back("master.key");
    if (!data->empty() && !wanted.replace) {
        return fail(ErrorCode::conflict,
                    wanted.data_dir.string() + " is not empty (" + data->front() + (data->size() > 1 ? ", ..." : "") +
                        "): give another --data-dir, or --replace, which moves aside what is there");
    }
    auto missing = needs_master_key(wanted, *manifest, keys);
    if (!missing) return std::unexpected(missing.error());
    if (auto room = check_room(wanted.data_dir, *manifest); !room) return std::unexpected(room.error());

    Restored out{*std::move(manifest), {}, *missing};
    const std::string aside = aside_name(wanted.data_dir, clock.now());
    if (auto done = gather(**backup, wanted, out.manifest, keys, aside, progress); !done) {
        std::error_code ignored;
        fs::remove_all(wanted.data_dir / gathering, ignored);
        return std::unexpected(done.error());
    }
    platform::sync_dir(wanted.data_dir);
    if (auto done = finish_restore(wanted.data_dir); !done) return std::unexpected(done.error());
    if (exists_at(wanted.data_dir / aside)) out.moved_to = wanted.data_dir / aside;
    return out;
}

}  // namespace lurus::control
