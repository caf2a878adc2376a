#pragma once
// `/api/v1/limits`: the limits in force, and what is used of them.

#include <functional>
#include <memory>
#include <vector>

#include "lurus/api.hpp"
#include "lurus/gateway.hpp"
#include "lurus/limit_use.hpp"
#include "lurus/log.hpp"

namespace lurus::control {

/// What is in force now.
using SnapshotSource = std::function<std::shared_ptr<const GatewaySnapshot>()>;

/// Whoever sees all of an organisation sees the limits of its keys, people and teams and its own; a member those of
/// the own keys and of itself. Limits per model are for who may read the installation. `clock` outlives the routes.
std::vector<ApiRoute> limit_routes(SnapshotSource snapshot, LimitUseSource use, SubjectNames names, const Clock& clock);

}  // namespace lurus::control
