#pragma once
// `lurus migrate`: what is kept in the data folder moves into an installation's database, or back.

#include "cli/cli.hpp"
#include "config/config.hpp"
#include "lurus/result.hpp"
#include "lurus/sync.hpp"

namespace lurus::app {

/// Holds the folder meanwhile. `conflict`: a server has it, or the two databases are not for one another.
Result<Moved> migrate_folder(const config::Config& config, cli::MoveTo to, const MoveProgress& progress);

}  // namespace lurus::app
