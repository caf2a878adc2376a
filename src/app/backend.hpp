#pragma once
// Chooses the database that everything but the log is kept in, and makes the modules' stores over it.

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "config/config.hpp"
#include "core/db/sql_postgres.hpp"
#include "lurus/clock.hpp"
#include "lurus/result.hpp"
#include "lurus/store/backend.hpp"

namespace lurus::app {

/// Opens or makes a SQLite file and brings it up to date. `corrupt`: no database, or one of a newer program. With
/// `postgres`, or where the file belongs to an installation, it is that one's mirror. An empty
/// `master_key` is the one beside the file.
Result<std::unique_ptr<Backend>> make_backend(const std::filesystem::path& file,
                                              const std::optional<config::PostgresConfig>& postgres,
                                              const Secret& master_key, const Clock& clock);
/// The same for a file that belongs to nobody else.
Result<std::unique_ptr<Backend>> make_backend_sqlite(const std::filesystem::path& file);

/// The file alone, with what it takes to be a mirror.
Result<std::unique_ptr<sql::Database>> open_mirror(const std::filesystem::path& file);
/// Connects to nothing yet. `answer`: how long a statement may take.
struct SharedDatabase {
    std::unique_ptr<sql::PostgresDatabase> database;
    std::string shown;  // where it is, without secrets
};
Result<SharedDatabase> open_shared(const config::PostgresConfig& postgres, std::chrono::milliseconds answer);

}  // namespace lurus::app
