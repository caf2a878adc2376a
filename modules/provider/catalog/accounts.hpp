#pragma once

#include <vector>

#include "lurus/api.hpp"
#include "modules/provider/service.hpp"

namespace lurus::provider {

/// `/api/v1/accounts`; `service` must outlive the handlers.
std::vector<ApiRoute> account_routes(ProviderService& service);

}  // namespace lurus::provider
