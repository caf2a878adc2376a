#pragma once
// Port: what was used, over time and by whom or what.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "lurus/clock.hpp"
#include "lurus/log.hpp"

namespace lurus {

/// The keys of one organisation that are in a team now.
struct TeamKeys {
    std::shared_ptr<const UserSet> users;                     // whose records are counted; null = everybody's
    std::map<std::string, std::string, std::less<>> team_of;  // by the key's name
};
/// Of every organisation whose records this principal may see.
using TeamScope = std::function<Result<std::vector<TeamKeys>>(const Principal& principal)>;

/// `/api/v1/statistics`. `log` and `clock` outlive the routes.
std::vector<ApiRoute> statistics_api(RequestLog& log, const Clock& clock, RecordScope scope, TeamScope teams);

}  // namespace lurus
