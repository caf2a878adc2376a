#pragma once
// What the module's routes are made of.

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/http/api_body.hpp"
#include "core/http/api_route.hpp"
#include "core/http/list_page.hpp"
#include "core/http/paging.hpp"
#include "modules/provider/service.hpp"

namespace lurus::provider {

/// Of the path; empty when it has none of that name.
std::string param(const ApiRequest& request, const char* name);

/// A page of `entries` under `data`, and under the list's old member for who reads that.
ApiResponse page(std::vector<nlohmann::ordered_json> entries, const ListShape& shape, const ApiRequest& request,
                 const char* old_name);
/// Whether `query` asks for this value of an entry, or for none; `*` and `?` are wildcards.
bool asked(const ApiRequest& request, const char* name, const nlohmann::ordered_json& entry);
std::vector<ApiParam> params_of(const ListShape& shape, const std::vector<const char*>& filters);

ApiRoute with_body(ApiRoute route, int success, const char* request_schema);

/// `/api/v1/routes`, `/api/v1/resolve`; `service` must outlive the handlers.
std::vector<ApiRoute> route_routes(ProviderService& service);

}  // namespace lurus::provider
