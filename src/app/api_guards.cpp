#include "app/api_guards.hpp"

#include "core/problem.hpp"

namespace lurus::app {

ApiResponse ApiGuards::run(const ApiRoute& route, const ApiRequest& request, const Next& next) {
    if (route.changes()) {
        // A change to a file that is not there any more would be answered as done, and lost.
        if (const auto ok = databases_.check_changes(); !ok) return problem(503, ok.error().message);
    }
    return next(route, request);
}

}  // namespace lurus::app
