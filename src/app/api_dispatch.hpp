#pragma once
// From a request target to the route that answers it. The same for the server and for commands without one.

#include <string>
#include <string_view>
#include <vector>

#include "lurus/api.hpp"
#include "lurus/gateway.hpp"
#include "lurus/secret.hpp"

namespace lurus::app {

/// Immutable once made; any thread.
class ApiDispatcher {
public:
    /// Bodies over `max_body_bytes` are refused with 413. Routes must differ in method and path.
    explicit ApiDispatcher(std::vector<ApiRoute> routes, std::size_t max_body_bytes = 16 << 20);

    [[nodiscard]] const std::vector<ApiRoute>& routes() const { return routes_; }

    /// `target` is path and query, percent-encoded. Fills path, params and query of the request. 404 and 405 are
    /// problem documents; what a handler throws becomes a 500 without its text.
    [[nodiscard]] ApiResponse dispatch(ApiRequest request, std::string_view target) const;

    /// The server's entry: the token is checked first, but for what is public (the OpenAPI document).
    [[nodiscard]] ApiResponse handle(const ApiCall& call, const Secret& admin_token) const;

private:
    struct Pattern {
        std::vector<std::string> segments;  // `{name}` is a parameter
        std::size_t route = 0;
    };
    [[nodiscard]] const ApiRoute* match(const std::string& method, const std::vector<std::string>& segments,
                                        std::map<std::string, std::string>& params, std::string& allowed) const;

    std::vector<ApiRoute> routes_;
    std::vector<Pattern> patterns_;
    std::size_t max_body_bytes_;
};

/// The one path that needs no token.
inline constexpr std::string_view openapi_path = "/api/v1/openapi.json";

}  // namespace lurus::app
