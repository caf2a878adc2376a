#pragma once
// Where programs that run on several systems keep a person's settings, and how that person's shell is told things.

#include <cstdint>

namespace lurus::platform {

/// `posix`: below HOME, and variables in a shell's start file. `windows`: below USERPROFILE, local data in
/// LOCALAPPDATA, variables (whose names have no case) in the account's settings.
enum class HomeStyle : std::uint8_t { posix, windows };

/// That of the system this runs on.
HomeStyle home_style();

}  // namespace lurus::platform
