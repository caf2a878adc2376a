#pragma once
// `lurus backup` and `lurus restore`: the databases of a data folder in one file, and back. The keys that secrets in
// them are sealed under are not part of it, or are sealed under a pass phrase.

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/db/backup_archive.hpp"
#include "lurus/clock.hpp"
#include "lurus/result.hpp"
#include "lurus/secret.hpp"

namespace lurus::control {

struct BackupManifest {
    struct Part {
        ArchivedFile file;
        std::map<std::string, int> schema;  // the newest migration of each set
    };
    std::string version;  // of the program that made it
    UnixMicros time = 0;  // what ended before is in it
    std::string node;     // which log it is
    std::vector<Part> files;
    std::string master_key;  // the id of the key that secrets are sealed under; empty = there was none yet
    bool with_keys = false;  // it holds that key, sealed under a pass phrase

    /// An object, as it is kept and as scripts get it.
    [[nodiscard]] std::string json() const;
    static Result<BackupManifest> parse(const std::string& text);
};

struct BackupWanted {
    std::filesystem::path data_dir, file;
    bool replace = false;              // a file of that name, or what is in the folder
    std::optional<Secret> passphrase;  // for the keys; backup: they are to be in it
    Secret master_key;                 // LURUS_MASTER_KEY; empty = the folder's master.key
};

using BackupProgress = std::function<void(const std::string& name, std::uint64_t done, std::uint64_t all)>;

/// While a server uses the folder, or while none does. The file appears when it is whole.
Result<BackupManifest> make_backup(const BackupWanted& wanted, const Clock& clock, const BackupProgress& progress);

/// Reads all of it, compares every checksum, and opens its keys where there is a pass phrase.
Result<BackupManifest> verify_backup(const std::filesystem::path& file, const std::optional<Secret>& passphrase,
                                     const BackupProgress& progress);

struct Restored {
    BackupManifest manifest;
    std::filesystem::path moved_to;  // where what was there before is now; empty = nothing was
    bool needs_master_key = false;   // the one of the manifest is not here
};

/// Into a folder that no server uses. `conflict` when something is in it and `replace` is not set. A process that ends
/// in between leaves the folder as it was, or all of it to be put in place by `finish_restore`.
Result<Restored> restore_backup(const BackupWanted& wanted, const Clock& clock, const BackupProgress& progress);

/// Whether a restore ended while its files were put in place.
bool restore_is_unfinished(const std::filesystem::path& data_dir);
/// Puts them in place. By who holds the folder's lock, before a database is opened.
Result<void> finish_restore(const std::filesystem::path& data_dir);

/// The pass phrase opens the keys of a backup; `permission_denied` when it is another one.
Result<std::map<std::string, Secret>> keys_of_backup(BackupReader& backup, const Secret& passphrase);

Result<BackupManifest> manifest_of(BackupReader& backup);
/// The id of the master key in use; empty when there is none yet.
Result<std::string> master_key_id(const std::filesystem::path& data_dir, const Secret& given);

}  // namespace lurus::control
