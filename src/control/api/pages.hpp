#pragma once
// The pages under `/console/`: what links in mails and the first start's link lead to, and a form to sign in. Refusals
// that people meet in a browser are pages as well.

#include <optional>
#include <string_view>

#include "lurus/api.hpp"

namespace lurus::control {

/// Empty when `target` is not under `/console`. Any thread.
std::optional<ApiResponse> page_at(const ApiRequest& request, std::string_view target);

/// Whether who asks takes a page rather than JSON. Browsers name `text/html` first, clients of the API do not name it.
bool takes_page(const ApiRequest& request);

/// A problem document as a page that is called `title`: the same status, and the same header fields but for those that
/// a page has its own of.
ApiResponse page_of(ApiResponse problem, std::string_view title);

}  // namespace lurus::control
