#pragma once

#include <filesystem>
#include <fstream>

namespace lurus::platform {

/// The file's bytes; the stream is bad when it cannot be opened. Windows refuses that for a moment while the file's
/// name is being given to another one: there it is tried for half a second.
std::ifstream open_to_read(const std::filesystem::path& file);

}  // namespace lurus::platform
