#include "cli/service_health.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include "core/os/platform.hpp"
#include "core/os/server_file.hpp"
#include "core/text/ascii.hpp"

namespace lurus::cli {
namespace {

namespace fs = std::filesystem;

constexpr int ask_timeout_ms = 2000;

bool is_name_char(char c) {
    return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') || c == '-' || c == '_' || c == '.';
}

}  // namespace

ServerHealth health_of(const fs::path& data_dir) {
    ServerHealth health;
    std::error_code error;
    (void)fs::exists(data_dir / lock_file_name, error);
    if (error) {
        health.seen = false;
        health.problem = data_dir.string() +
                         " is not yours to read, so it is not known whether it is ready: run this as "
                         "root, or as an administrator";
        return health;
    }
    if (!platform::FileLock::held(data_dir / lock_file_name)) {
        health.problem = "no server works on " + data_dir.string();
        return health;
    }
    const auto noted = read_server_file(data_dir);
    if (!noted || !platform::process_alive(noted->pid)) {
        health.problem = "a server is starting on " + data_dir.string();
        return health;
    }
    health.pid = noted->pid;
    health.version = noted->version;
    health.addresses = noted->addresses;
    if (noted->addresses.empty()) return health;
    auto server = server_at(reachable_url(noted->addresses.front()));
    if (!server) {
        health.problem = server.error().message;
        return health;
    }
    server->call.target = "/ready";
    server->call.connect_timeout_ms = server->call.timeout_ms = ask_timeout_ms;
    server->call.tls_verify = false;  // the folder's lock says that the process at this address is ours
    const auto answer = http_exchange(server->call);
    health.ready = answer && answer->status == 200;
    if (!answer) {
        health.problem = answer.error().message;
    } else if (!health.ready) {
        health.problem = server->url + "/ready answered " + std::to_string(answer->status);
    }
    return health;
}

fs::path data_dir_of(const platform::ServiceState& service, const std::string& name) {
    if (!service.data_dir.empty()) return service.data_dir;
    config::ConfigFlags flags;
    if (!service.config_file.empty()) flags.config_file = service.config_file;
    config::Environment environment = config::Environment::of_process();
    environment.variables.erase("LURUS_DATA_DIR");
    environment.home.clear();
    const config::Config outline = config::load_outline(flags, environment);
    return outline.data_dir.empty() ? platform::service_places(name).data_dir : outline.data_dir;
}

ServerHealth wait_until_ready(const std::string& name, const fs::path& data_dir, int timeout_ms) {
    constexpr auto pause = std::chrono::milliseconds(100);
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
    for (;;) {
        ServerHealth health = health_of(data_dir);
        if (health.ready) return health;
        const auto state = platform::service_state(name);
        const bool ended = state && (state->run == platform::ServiceState::Run::failed ||
                                     state->run == platform::ServiceState::Run::stopped);
        if (ended && !state->problem.empty()) health.problem = state->problem;
        if (ended || std::chrono::steady_clock::now() >= until) return health;
        std::this_thread::sleep_for(pause);
    }
}

bool is_service_name(const std::string& name) {
    return !name.empty() && name.size() <= 64 && name.front() != '-' && name.front() != '.' &&
           std::ranges::all_of(name, is_name_char);
}

}  // namespace lurus::cli
