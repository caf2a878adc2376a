#pragma once
// Chooses the database that everything but the log is kept in, and makes the modules' stores over it.

#include <filesystem>
#include <memory>
#include <optional>

#include "config/config.hpp"
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

}  // namespace lurus::app
