#pragma once
// What a provider's files hold: its credential, and the roots that its vendor is trusted by.

#include <string>
#include <string_view>

#include "lurus/provider.hpp"

namespace lurus::provider {

/// Neither blanks nor control characters.
bool printable(std::string_view text);
/// Without blanks and line ends around it.
std::string_view trimmed(std::string_view text);

/// A file without anything usable becomes the provider's `problem`; or, where `before` has what the same file held, its
/// `warning`, and that stays in use. `before` may be null.
void take_file(Provider& provider, const std::string& file, const Provider* before);
void take_roots(Provider& provider, const std::string& file, const Provider* before);

}  // namespace lurus::provider
