#pragma once
// All that is kept of a person, for them: what the modules that know nothing of each other keep, as one answer.

#include <vector>

#include "lurus/api.hpp"
#include "lurus/audit.hpp"

namespace lurus::app {

/// Adds `sessions` and `audit` to what `exportUser` and `exportMe` answer. `audit` outlives the routes.
void complete_exports(std::vector<ApiRoute>& routes, Audit& audit);

}  // namespace lurus::app
