#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lurus/api.hpp"

namespace lurus::control {

/// The OpenAPI 3.1 document of these routes, as JSON. `server_url` is where they are served; `/` is the document's own
/// server.
std::string openapi_document(const std::vector<ApiRoute>& routes, std::string_view version,
                             std::string_view server_url);

}  // namespace lurus::control
