#pragma once
// SQLite files as this project uses them: WAL, checksummed migrations. The only place, with *_sqlite.cpp, that sees SQLiteCpp.

#include <SQLiteCpp/SQLiteCpp.h>

#include <filesystem>
#include <memory>
#include <string_view>

#include "lurus/result.hpp"

namespace lurus {

struct SqliteOptions {
    bool strict = false;  // synchronous=FULL: a commit survives power loss
    int page_size = 4096;
    int busy_timeout_ms = 5000;
};

/// Opens or makes `file` (mode 0600, its folder must exist) and applies `migrations/sqlite/<set>/NNNN_*.sql` in order.
/// `corrupt`: not a database, a migration changed after it ran, or the file comes from a newer program.
Result<std::unique_ptr<SQLite::Database>> open_sqlite(const std::filesystem::path& file, std::string_view set,
                                                      const SqliteOptions& options = {});

/// A second connection for reading; the file must exist.
Result<std::unique_ptr<SQLite::Database>> open_sqlite_reader(const std::filesystem::path& file);

/// What SQLite said, as our Error: busy and I/O become `unavailable`, a damaged file `corrupt`.
Error sqlite_error(std::string_view doing, const SQLite::Exception& e);

}  // namespace lurus
