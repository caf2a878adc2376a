#pragma once
// From a request target to the route that answers it. The same for the server and for commands without one.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/api/gate.hpp"
#include "lurus/api.hpp"
#include "lurus/gateway.hpp"

namespace lurus::control {

/// Immutable once made; any thread.
class ApiDispatcher {
public:
    using Handler = std::function<ApiResponse(const ApiRoute& route, const ApiRequest& request)>;
    /// Holds for every route: answers, or asks `next`, at most once, and may do more before and after.
    using Step = std::function<ApiResponse(const ApiRoute& route, const ApiRequest& request, const Handler& next)>;

    /// Bodies over `max_body_bytes`, or over what the route takes, are refused with 413. Routes must differ in method
    /// and path. The first of `steps` sees a request first, the last stands right before the route's handler.
    explicit ApiDispatcher(std::vector<ApiRoute> routes, std::size_t max_body_bytes = 16 << 20,
                           std::vector<Step> steps = {});

    [[nodiscard]] const std::vector<ApiRoute>& routes() const { return routes_; }

    /// For `request.principal`. `target` is path and query, percent-encoded. Fills path, params and query of the
    /// request. 404 and 405 are problem documents; what a handler throws becomes a 500 without its text.
    [[nodiscard]] ApiResponse dispatch(ApiRequest request, std::string_view target) const;

    /// Whose machines this call may wait for; nothing = nobody's. Control-plane threads.
    [[nodiscard]] std::optional<OutsideLane> outside_lane(const ApiCall& call) const;

    /// The server's entry: who asks is found out first, but for what is public.
    [[nodiscard]] ApiResponse handle(const ApiCall& call, const ApiGate& gate) const;
    /// The same for a call whose body is not read yet: what refuses it whatever the body says, or how long that may be.
    [[nodiscard]] ApiBodyVerdict judge(const ApiCall& call, const ApiGate& gate) const;

private:
    struct Pattern {
        std::vector<std::string> segments;  // `{name}` is a parameter
        std::size_t route = 0;
    };
    struct Routed {
        const ApiRoute* route = nullptr;
        ApiResponse refusal;  // where there is no route
    };
    [[nodiscard]] Routed route(ApiRequest& request, std::string_view target) const;
    [[nodiscard]] std::size_t most_of_body(const ApiRoute& route) const;
    static std::optional<ApiResponse> stopped(const ApiCall& call, const ApiGate& gate, const ApiRoute* route,
                                              ApiRequest& request);
    static std::optional<ApiResponse> forbidden(const ApiRoute& route, const Principal& who);
    [[nodiscard]] ApiResponse run(const ApiRoute& route, const ApiRequest& request) const;
    [[nodiscard]] const ApiRoute* match(const std::string& method, const std::vector<std::string>& segments,
                                        std::map<std::string, std::string>& params, std::string& allowed) const;

    std::vector<ApiRoute> routes_;
    std::vector<Pattern> patterns_;
    std::size_t max_body_bytes_;
    Handler handler_;  // the steps, and the route's own in the middle
};

inline constexpr std::string_view openapi_path = "/api/v1/openapi.json";
static_assert(openapi_path.starts_with(api_root));

}  // namespace lurus::control
