#pragma once
// Providers under the names that QuotaLane's account API uses, for tools written for it: `Name`, `Provider`, `ApiKey`,
// `Status`. What is called an account there is a stored or configured provider here, with its credential; its `Id`
// follows from its name.

#include <vector>

#include "lurus/api.hpp"
#include "modules/provider/service.hpp"

namespace lurus::provider {

/// `/api/v1/accounts`; `service` must outlive the handlers.
std::vector<ApiRoute> quotalane_routes(ProviderService& service);

}  // namespace lurus::provider
