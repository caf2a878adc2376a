#pragma once
// All that is kept of a person, for them: what the modules that know nothing of each other keep, as one answer.

#include <vector>

#include "lurus/api.hpp"
#include "lurus/audit.hpp"

namespace lurus::control {

/// Adds the parts that routes say they are, and what the audit tells, to what a person's export answers. `audit`
/// outlives the routes.
void complete_exports(std::vector<ApiRoute>& routes, Audit& audit);

}  // namespace lurus::control
