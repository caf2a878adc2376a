#pragma once
// What holds for every route of the management API beside its handler: a database that cannot be changed, a request
// that is sent twice, a version that was changed meanwhile.

#include <array>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "control/state/databases.hpp"
#include "control/steps/idempotency.hpp"
#include "lurus/api.hpp"

namespace lurus::control {

/// The route that shows what `route` changes: GET of the same path, where that is one resource; null when there is
/// none.
const ApiRoute* reader_of(const ApiRoute& route, const std::vector<ApiRoute>& routes);

/// Any thread once `set_routes` was called. What it refers to outlives it.
class ApiGuards {
public:
    using Next = std::function<ApiResponse(const ApiRoute& route, const ApiRequest& request)>;

    ApiGuards(Databases& databases, Idempotency& idempotency) : databases_(databases), idempotency_(idempotency) {}

    /// All routes there are; they stay where they are.
    void set_routes(const std::vector<ApiRoute>& routes);

    /// Runs `next` where nothing speaks against it.
    ApiResponse run(const ApiRoute& route, const ApiRequest& request, const Next& next);

private:
    ApiResponse read(const ApiRoute& route, const ApiRequest& request, const Next& next) const;
    ApiResponse change(const ApiRoute& route, const ApiRequest& request, const Next& next);

    Databases& databases_;
    Idempotency& idempotency_;
    std::map<const ApiRoute*, const ApiRoute*> readers_;
    // Between looking at a version and changing it nobody else changes it: one change of a collection at a time.
    std::array<std::mutex, 16> collections_;
};

}  // namespace lurus::control
