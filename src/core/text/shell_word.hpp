#pragma once

#include <string>
#include <string_view>

#include "core/os/home_style.hpp"

namespace lurus {

/// A word of a command, as it is or in single quotes: for a POSIX shell, or for PowerShell.
std::string shell_word(std::string_view text, platform::HomeStyle style = platform::home_style());
/// The same for the program that a command starts.
std::string program_word(std::string_view path, platform::HomeStyle style = platform::home_style());

}  // namespace lurus
