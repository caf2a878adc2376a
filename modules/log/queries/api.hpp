#pragma once
// The log's part of the management API.

#include <vector>

#include "lurus/log.hpp"

namespace lurus::log {

/// Both must outlive the routes.
std::vector<ApiRoute> make_api(RequestLog& log, const Clock& clock, RecordScope scope);

}  // namespace lurus::log
