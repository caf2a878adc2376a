#pragma once

#include <string_view>

namespace lurus {

/// `*` matches any run of bytes, also an empty one; `?` matches one UTF-8 character. Case-sensitive, matches the whole
/// text, in O(pattern × text) at worst.
bool glob_match(std::string_view pattern, std::string_view text);

/// Whether `wider` matches all that `pattern` matches. False also where that takes more than looking at them from left
/// to right (`?*` and `*?`): it never says so wrongly.
bool glob_covers(std::string_view wider, std::string_view pattern);

/// True when the pattern holds `*` or `?`.
bool is_glob(std::string_view pattern);

/// The part before the first wildcard.
std::string_view glob_prefix(std::string_view pattern);

}  // namespace lurus
