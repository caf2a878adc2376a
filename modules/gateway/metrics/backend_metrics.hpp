#pragma once

#include <string>
#include <string_view>

#include "lurus/sync.hpp"

namespace lurus::gateway {

/// Prometheus's text: a line for each mode that a backend can be in, 1 for the one that it is in.
std::string backend_metrics(std::string_view backend, BackendMode mode);

}  // namespace lurus::gateway
