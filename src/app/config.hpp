#pragma once
// The configuration: file, environment and flags merged into one value.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "lurus/gateway.hpp"
#include "lurus/identity.hpp"
#include "lurus/log.hpp"
#include "lurus/provider.hpp"
#include "lurus/result.hpp"

namespace lurus::app {

struct Config {
    std::filesystem::path file;  // empty = none was found
    std::filesystem::path data_dir;
    GatewaySettings gateway;
    std::vector<ProviderSpec> providers;
    std::vector<RouteSpec> routes;
    std::vector<ConfiguredKey> keys;
    std::string key_prefix = "cr_";
    bool demo = true;
    bool log_strict = false;  // billing.durability = "strict"
    int log_retention_days = 0;
    std::string log_level = "info";  // of the process's own log: trace, debug, info, warn, error
};

/// What the command line said; wins over the environment, which wins over the file.
struct ConfigFlags {
    std::optional<std::filesystem::path> config_file;
    std::optional<std::filesystem::path> data_dir;
    std::vector<std::string> listen;
};

/// Looks for `lurus.toml` in the working folder, the user's configuration folder, /etc/lurus. Errors carry file, line and column.
Result<Config> load_config(const ConfigFlags& flags);

}  // namespace lurus::app
