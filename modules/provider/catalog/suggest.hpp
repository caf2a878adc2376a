#pragma once
// Names for error messages.

#include <string>
#include <string_view>
#include <vector>

namespace lurus::provider {

/// Up to `most` names close to `wanted` (few edits, or one holds the other), closest first. Bounded work for any input.
std::vector<std::string> nearest(const std::vector<std::string>& names, std::string_view wanted, std::size_t most);

/// `a, b, c and 7 more`.
std::string join_some(const std::vector<std::string>& names, std::size_t most);

}  // namespace lurus::provider
