#pragma once

#include <memory>
#include <string_view>

namespace spdlog::sinks {
class sink;
}

namespace lurus {

/// The process's own log goes to stderr, one line a message, UTC; coloured only on a terminal.
/// `level`: trace, debug, info, warn, error, off.
void setup_log(std::string_view level);
/// It goes there instead from now on, at the level that is set.
void log_to(std::shared_ptr<spdlog::sinks::sink> sink);
void set_log_level(std::string_view level);
[[nodiscard]] bool is_log_level(std::string_view level);

}  // namespace lurus
