#pragma once
// What holds for every route of the management API beside its handler.

#include <functional>

#include "app/databases.hpp"
#include "lurus/api.hpp"

namespace lurus::app {

/// Any thread. `databases` outlives it.
class ApiGuards {
public:
    using Next = std::function<ApiResponse(const ApiRoute& route, const ApiRequest& request)>;

    explicit ApiGuards(Databases& databases) : databases_(databases) {}

    /// Runs `next` (the route's handler, and what it does beside) where nothing speaks against it.
    ApiResponse run(const ApiRoute& route, const ApiRequest& request, const Next& next);

private:
    Databases& databases_;
};

}  // namespace lurus::app
