#pragma once
// `/api/v1/backends`, `/api/v1/sync` and `/api/v1/nodes`: what this node shares with others, how that does, whether it
// is used, and who the others are.

#include <vector>

#include "lurus/api.hpp"
#include "lurus/clock.hpp"
#include "lurus/sync.hpp"

namespace lurus::control {

/// `sync` is null where nothing is shared. Both outlive the routes.
std::vector<ApiRoute> backend_routes(Sync* sync, const Clock& clock);

}  // namespace lurus::control
