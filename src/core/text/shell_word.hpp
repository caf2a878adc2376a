#pragma once

#include <string>
#include <string_view>

namespace lurus {

/// A shell word: as it is, or in single quotes.
std::string shell_word(std::string_view text);

}  // namespace lurus
