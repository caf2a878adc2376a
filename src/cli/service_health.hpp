#pragma once
// How a service of this machine is, and waiting until it serves.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cli/cli.hpp"
#include "core/os/service.hpp"

namespace lurus::cli {

/// The server on a data folder, as far as it can be told from outside.
struct ServerHealth {
    std::int64_t pid = 0;  // 0 = none runs, or the folder cannot be read
    std::string version;
    std::vector<std::string> addresses;
    bool seen = true;     // false: the folder is not ours to look at, and the rest is not known
    bool ready = false;   // `/ready` answered 200
    std::string problem;  // why it is not ready
};
/// Asks it once; blocks a few seconds at most.
ServerHealth health_of(const std::filesystem::path& data_dir);

/// The folder that the service's server works on: its command's, else its configuration's, else the usual one.
std::filesystem::path data_dir_of(const platform::ServiceState& service, const std::string& name);

/// Until the server of that process is ready (0: any process), or `timeout_ms` passed: then `problem` says why not.
ServerHealth wait_until_ready(const std::string& name, const std::filesystem::path& data_dir, int timeout_ms);

/// `lurus` and its like: what systemd and Windows take as a service's name, and a folder.
bool is_service_name(const std::string& name);

}  // namespace lurus::cli
