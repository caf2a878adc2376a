#pragma once
// Parameters of a query that a route does not have: a filter that is misspelt must not list everything.

#include <optional>

#include "lurus/api.hpp"

namespace lurus::control {

/// 400 that names what the route does not take, and the nearest that it does.
std::optional<ApiResponse> unknown_parameters(const ApiRoute& route, const ApiRequest& request);

}  // namespace lurus::control
