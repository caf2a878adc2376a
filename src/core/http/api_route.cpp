#include "core/http/api_route.hpp"

#include <nlohmann/json.hpp>
#include <utility>

namespace lurus {

ApiRoute api_route(Permission needed, std::string method, std::string path, std::string operation, std::string summary,
                   std::string response_schema, std::function<ApiResponse(const ApiRequest&)> handler) {
    ApiRoute route(needed);
    route.method = std::move(method);
    route.path = std::move(path);
    route.operation_id = std::move(operation);
    route.summary = std::move(summary);
    route.response_schema = std::move(response_schema);
    route.handler = std::move(handler);
    return route;
}

ApiResponse json_response(const nlohmann::ordered_json& body, int status) {
    ApiResponse response;
    response.status = status;
    response.body = body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
    return response;
}

Result<ApiResponse> whole_response(ApiResponse response) {
    const ApiStream stream = std::exchange(response.stream, nullptr);
    while (stream) {
        const auto piece = stream();
        if (!piece) return std::unexpected(piece.error());
        response.body += piece->bytes;
        if (piece->bytes.empty() || piece->pause_ms > 0) break;
    }
    return response;
}

}  // namespace lurus
