#pragma once
// Routes and answers of the management API, as every module makes them.

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "lurus/api.hpp"
#include "lurus/result.hpp"

namespace lurus {

/// A route that takes neither query nor body yet. `response_schema` is empty where nothing is answered.
ApiRoute api_route(Permission needed, std::string method, std::string path, std::string operation, std::string summary,
                   std::string response_schema, std::function<ApiResponse(const ApiRequest&)> handler);

/// Bytes that are not UTF-8 are replaced.
ApiResponse json_response(const nlohmann::ordered_json& body, int status = 200);

/// The answer with its whole body, for those who cannot take it in pieces. Where the body breaks off, that is the
/// error; a pause ends it, since it may go on for ever.
Result<ApiResponse> whole_response(ApiResponse response);

}  // namespace lurus
