#pragma once

#include <string_view>

namespace lurus {

/// The process's own log goes to stderr, one line a message, UTC; coloured only on a terminal.
/// `level`: trace, debug, info, warn, error, off.
void setup_log(std::string_view level);
void set_log_level(std::string_view level);
[[nodiscard]] bool is_log_level(std::string_view level);

}  // namespace lurus
