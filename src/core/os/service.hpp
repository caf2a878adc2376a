#pragma once
// `lurus` as a service of this system: a unit of systemd, or a service of Windows' service control manager.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "lurus/clock.hpp"
#include "lurus/result.hpp"
#include "lurus/secret.hpp"

namespace lurus::platform {

/// Where a service of that name has its files, unless it is told otherwise.
struct ServicePlaces {
    std::filesystem::path config_file, data_dir;
};
ServicePlaces service_places(const std::string& name);

struct ServiceWanted {
    std::string name;
    std::filesystem::path executable, config_file, data_dir;  // absolute
    std::string account;                                      // who it runs as; empty = an account of its own
    Secret password;                                          // of the account, on Windows where it has one
    std::string default_config;                               // what a configuration file holds that is not there yet
    int stop_ms = 0;                                          // the most that its end takes
};

struct ServiceState {
    enum class Run : std::uint8_t { stopped, starting, running, stopping, failed } run = Run::stopped;
    bool at_boot = false;
    std::int64_t pid = 0;  // 0 = it does not run
    UnixMicros since = 0;  // when it came to run; 0 = not known
    std::string account;
    std::string problem;                                      // why it ended, where it failed
    std::string unit;                                         // its unit file, or its place in the registry
    std::filesystem::path executable, config_file, data_dir;  // empty where its command does not name them
};

std::string_view run_name(ServiceState::Run run);

/// Whether a service can run as that account only with its password.
bool account_has_password(const std::string& account);

/// Makes it, with its account and folders, to start with the system; it does not start it. `conflict`: a service of
/// that name is there that `install_service` did not make; one that it made is brought up to date.
/// `permission_denied` says how to run the command with more rights; so do all that follow. Returns a sentence for each
/// part that this version of the system does not know.
Result<std::vector<std::string>> install_service(const ServiceWanted& wanted);
/// Takes it away when it is stopped; its account, configuration and data stay.
Result<void> uninstall_service(const std::string& name);
/// Returns when it serves. `unavailable`: it did not come to that within `timeout_ms`, with the reason as far as it is
/// known.
Result<void> start_service(const std::string& name, int timeout_ms);
/// Returns when it has ended, its last answers with it.
Result<void> stop_service(const std::string& name, int timeout_ms);
/// `not_found` when there is none; `unavailable` when this system has no service manager.
Result<ServiceState> service_state(const std::string& name);

/// Where its log is read: a command that prints it, or a file. `follow`: the command goes on.
struct ServiceLog {
    std::vector<std::string> command;
    std::filesystem::path file;
};
Result<ServiceLog> service_log(const std::string& name, int lines, bool follow, bool json);

/// Called by a process that the service control manager started: it is that service while `serve` runs, which returns
/// an exit code. `unavailable` where services are started otherwise.
Result<int> run_service(const std::string& name, const std::function<int()>& serve);

/// The command that brings this program up to date where a package manager looks after it; empty = it is nobody's.
std::string updated_by(const std::filesystem::path& program);

}  // namespace lurus::platform
