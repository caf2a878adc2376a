#pragma once
// Lists that can be followed: what comes after the newest, as server-sent events, by the list's own route.

#include <vector>

#include "lurus/api.hpp"
#include "lurus/clock.hpp"

namespace lurus::control {

/// `{path}/stream` for each list that says how it is followed. `clock` outlives them.
std::vector<ApiRoute> following_routes(const std::vector<ApiRoute>& routes, const Clock& clock);

}  // namespace lurus::control
