#pragma once
// Which file serves as lurus.db: the file itself, or, where a start finds it gone or damaged, a copy of its snapshot
// that only lasts as long as the server. Without that, every stored key would be refused.

#include <filesystem>
#include <string>

#include "core/os/home_style.hpp"
#include "lurus/result.hpp"

namespace lurus::control {

inline constexpr const char* main_database_name = "lurus.db";
inline constexpr const char* stand_in_name = "lurus.db.stand-in";

struct MainDatabase {
    std::filesystem::path file;
    std::string problem;  // why `file` is not lurus.db; empty = it is
};

/// For a server. Fails with the reason when neither lurus.db nor its snapshot can be used.
Result<MainDatabase> choose_main_database(const std::filesystem::path& data_dir);
/// For a command without a server: it must not make a new database where one was.
Result<void> check_not_lost(const std::filesystem::path& data_dir);
void remove_stand_in(const std::filesystem::path& data_dir);

/// What a person does to go on from the snapshot for good. Nothing is deleted: the damaged database is put aside with
/// all that belongs to it. Commands of a POSIX shell, or of PowerShell.
std::string restore_steps(const std::filesystem::path& data_dir, const std::filesystem::path& snapshot,
                          platform::HomeStyle style = platform::home_style());

/// The snapshot that has changes which lurus.db lacks, as when lurus.db was copied without its write-ahead log; empty
/// when there is none. A start keeps it under a name of its own, before the next snapshot takes its place.
/// While a server uses the folder only that one is looked for.
std::filesystem::path snapshot_ahead(const std::filesystem::path& data_dir, bool in_use);

}  // namespace lurus::control
