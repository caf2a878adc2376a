#pragma once

#include <string_view>

namespace lurus {

/// `*` matches any run of bytes, also an empty one; `?` matches one UTF-8 character. Case-sensitive, matches the whole
/// text, in O(pattern × text) at worst.
bool glob_match(std::string_view pattern, std::string_view text);

/// True when the pattern holds `*` or `?`.
bool is_glob(std::string_view pattern);

/// The part before the first wildcard.
std::string_view glob_prefix(std::string_view pattern);

}  // namespace lurus
