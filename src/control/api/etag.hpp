#pragma once
// Which version of a resource an answer shows (RFC 9110, entity tags).

#include <string>
#include <string_view>
#include <vector>

#include "lurus/api.hpp"

namespace lurus::control {

/// A strong tag: the row's version where the answer carries one, else made from its JSON without the members named in
/// `unversioned`.
std::string etag_of(const ApiResponse& response, const std::vector<std::string>& unversioned);

/// Whether `field` (an If-Match or If-None-Match value: `*` or a list of tags) names `etag`. A weak tag names nothing
/// where `strong` is wanted.
enum class Comparison : bool { weak, strong };
bool etag_matches(std::string_view field, std::string_view etag, Comparison comparison);

}  // namespace lurus::control
