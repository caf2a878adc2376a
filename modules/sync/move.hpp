#pragma once
// What a move between a folder and an installation leaves open when it is cut off, and how that is ended.

#include <optional>
#include <string>

#include "core/db/sql_postgres.hpp"
#include "lurus/result.hpp"

namespace lurus::sync {

/// What whoever still asks a retired installation is told.
inline constexpr const char* retired_text =
    "the installation was moved out of its database with `lurus migrate --to-sqlite`: only the node that took it "
    "changes "
    "it, without [postgres] in its lurus.toml; where that was here and was cut off, run it again";

enum class MoveDirection : std::uint8_t { to_postgres, to_sqlite };

/// A move that was begun and did not end here.
struct OpenMove {
    MoveDirection direction = MoveDirection::to_postgres;
    std::string installation;
    std::int64_t number = 0;
    std::string mark;
};
Result<std::optional<OpenMove>> open_move(sql::Connection& local);

enum class MoveEnd : std::uint8_t {
    none,      // there was nothing to be ended
    finished,  // the content is the installation's, and the folder its mirror
    undone,    // the database has nothing of it: the folder is as before
};
/// Ends a move to PostgreSQL by what became of its commit. `authority` has its schema.
Result<MoveEnd> end_move(sql::Database& authority, sql::Database& local);

}  // namespace lurus::sync
