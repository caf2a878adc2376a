#pragma once
// The SQLite driver of sql.hpp.

#include <filesystem>
#include <memory>
#include <string_view>
#include <vector>

#include "core/db/sql.hpp"

namespace lurus::sql {

/// Opens or makes `file` and brings the feeds and these sets of migrations up to date, in this order. One connection
/// writes; readers have their own, since in WAL mode they wait for no writer. Errors as of lurus::open_sqlite.
Result<std::unique_ptr<Database>> open_sqlite(const std::filesystem::path& file,
                                              const std::vector<std::string_view>& sets);

}  // namespace lurus::sql
