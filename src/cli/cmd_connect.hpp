#pragma once
// Addresses as clients are told them.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "config/config.hpp"
#include "lurus/result.hpp"

namespace lurus::cli {

/// A gateway's root from what a person typed: scheme checked, `/v1` and trailing slashes taken off.
Result<std::string> clean_url(std::string_view text);
/// The first TCP listener of the configuration as a URL; empty when there is none.
std::string configured_url(const config::Config& config);
/// Said when a file that now holds a key can be read by others.
std::optional<std::string> readable_warning(const std::filesystem::path& file);

}  // namespace lurus::cli
