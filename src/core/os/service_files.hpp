#pragma once
// Where a service on Windows has what is its own. Only sources for Windows include it.

#include <filesystem>
#include <string>

#include "lurus/result.hpp"

namespace lurus {

/// `%ProgramData%\Lurus`, or a folder by the service's name beside it.
std::filesystem::path service_folder(const std::string& name);
inline std::filesystem::path service_log_file(const std::string& name) {
    return service_folder(name) / "logs" / "lurus.log";
}

/// The process's log goes to that file from now on, which becomes `lurus.1.log` when it is 10 MiB large, and so on to
/// `lurus.5.log`.
Result<void> log_to_file(const std::filesystem::path& file);

}  // namespace lurus
