#pragma once
// The configuration: file, environment and flags merged into one value.

#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/os/platform.hpp"
#include "lurus/gateway.hpp"
#include "lurus/identity.hpp"
#include "lurus/log.hpp"
#include "lurus/provider.hpp"
#include "lurus/result.hpp"
#include "lurus/secret.hpp"
#include "lurus/signin.hpp"
#include "lurus/sync.hpp"

namespace lurus::config {

/// [postgres]
struct PostgresConfig {
    Secret url;
    BackendSetting mode = BackendSetting::automatic;
    bool offline = false;       // this run does without, whatever was set
    int mirror_max_age_ms = 0;  // 0 = none
};

struct Config {
    std::filesystem::path file;  // empty = none was found
    std::size_t declared = 0;    // sections and options at the top of the file, each member of a list counted
    std::size_t bytes = 0;       // of the file
    bool ends_a_line = false;    // the last of them
    std::filesystem::path data_dir;
    bool chosen = false;  // the caller named the file or the folder, by a flag or a variable
    GatewaySettings gateway;
    std::vector<ProviderSpec> providers;
    std::vector<RouteSpec> routes;
    std::vector<ConfiguredKey> keys;
    AuthSettings auth;
    std::vector<ConfiguredUser> users;
    std::set<std::string> secret_variables;  // that the file names as holding secrets
    std::string key_prefix = "cr_";
    bool demo = true;
    bool log_strict = false;  // billing.durability = "strict"
    int log_retention_days = 0;
    int api_rpm = 3000;              // requests a minute to the management API, per account or address; 0 = no limit
    std::string log_level = "info";  // of the process's own log: trace, debug, info, warn, error
    std::optional<PostgresConfig> postgres;  // what this node shares with others
    Secret master_key;                       // LURUS_MASTER_KEY; empty = the data folder's master.key
    std::vector<std::string> warnings;       // what works, but hardly as meant
    std::map<std::string, std::string>
        positions;  // `provider openai`, `route gpt-*`, `key ci` -> `/etc/lurus/lurus.toml:12:1`
    /// Options that were set: `log.bodies` -> a position in the file, `LURUS_LOG_BODIES` or `--listen`.
    std::map<std::string, std::string> origins;
};

/// What the command line said; wins over the environment, which wins over the file.
struct ConfigFlags {
    std::optional<std::filesystem::path> config_file;
    std::optional<std::filesystem::path> data_dir;
    std::vector<std::string> listen;
    bool offline = false;  // the databases that nodes share are not used
};

/// The process's surroundings, as values so that tests choose them.
struct Environment {
    std::map<std::string, std::string> variables;
    std::filesystem::path working_dir;
    std::filesystem::path home;  // empty = a system user without one
    platform::StandardFolders folders;

    static Environment of_process();
};

/// The user's configuration folder: XDG_CONFIG_HOME, else the system's own (%APPDATA%) or ~/.config; empty for a user
/// without a home.
std::filesystem::path user_config_dir(const Environment& environment);

/// The file that would be read; empty when there is none. `not_found` when one is named that does not exist.
Result<std::filesystem::path> find_config_file(const ConfigFlags& flags, const Environment& environment);

/// Looks for `lurus.toml` in the working folder, the user's configuration folder, /etc/lurus (%ProgramData%\Lurus).
/// `invalid_argument`: every mistake on a line of its own, each with file, line and column (or the variable, or the
/// flag).
/// `known`: the file's text, where it was read already.
Result<Config> load_config(const ConfigFlags& flags, const Environment& environment,
                           std::optional<std::string> known = {});
Result<Config> load_config(const ConfigFlags& flags);

/// Of a file with mistakes: its own name and the data folder, as far as they can be told; all else at its default.
Config load_outline(const ConfigFlags& flags);
Config load_outline(const ConfigFlags& flags, const Environment& environment);

/// The annotated configuration file with every option at its default.
std::string_view default_config_text();

/// The effective configuration as indented JSON, secrets masked.
std::string to_json(const Config& config);

}  // namespace lurus::config
