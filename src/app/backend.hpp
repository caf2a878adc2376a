#pragma once
// Chooses the database that everything but the log is kept in, and makes the modules' stores over it.

#include <filesystem>
#include <memory>

#include "lurus/result.hpp"
#include "lurus/store/backend.hpp"

namespace lurus::app {

/// Opens or makes a SQLite file and brings it up to date. `corrupt`: no database, or one of a newer program.
Result<std::unique_ptr<Backend>> make_backend_sqlite(const std::filesystem::path& file);

}  // namespace lurus::app
