#pragma once
// What a resource was before each change, and going back to it: out of the audit, by the resource's own routes.

#include <string>
#include <vector>

#include "lurus/api.hpp"
#include "lurus/audit.hpp"

namespace lurus::control {

/// `{path}/versions` for each resource of a kind that GET shows and something changes, and `{path}/undo` where PATCH
/// changes it. `audit` outlives them.
std::vector<ApiRoute> version_routes(const std::vector<ApiRoute>& routes, Audit& audit);

}  // namespace lurus::control
