#pragma once
// Which keys count for which team, for the statistics.

#include "lurus/identity.hpp"
#include "lurus/statistics.hpp"

namespace lurus::app {

/// By the ids of teams, of each organisation that has keys and whose records `who` may see.
Result<std::vector<TeamKeys>> team_keys(Identity& identity, const Principal& who);

}  // namespace lurus::app
