#pragma once
// A secret in a file, sealed by the system for this machine where it does that: DPAPI on Windows. Elsewhere the file's
// mode is what keeps it.

#include <string>
#include <string_view>

#include "lurus/result.hpp"

namespace lurus::platform {

/// What a file holds for `plain`.
Result<std::string> seal_text(std::string_view plain);
/// The secret of what a file holds; a text that nobody has sealed is the secret itself, as a person brings it.
/// `permission_denied`: it was sealed on another machine.
Result<std::string> unseal_text(std::string_view held);

}  // namespace lurus::platform
