#pragma once
// The pages under `/console/`: what links in mails and the first start's link lead to, and a form to sign in.

#include <optional>
#include <string_view>

#include "lurus/api.hpp"

namespace lurus::control {

/// Empty when `target` is not under `/console`. Any thread.
std::optional<ApiResponse> page_at(std::string_view method, std::string_view target);

}  // namespace lurus::control
