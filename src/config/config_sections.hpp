#pragma once
// What the tables of lurus.toml mean. Each reader fills its part of the Config and reports mistakes to the context.

#include <string>
#include <vector>

#include "config/config.hpp"
#include "config/config_reader.hpp"

namespace lurus::config {

/// `listen_flags` replace every listener of the file and the environment.
void read_server(ConfigTable section, const std::vector<std::string>& listen_flags, ConfigContext& context,
                 Config& config);
void read_headers(ConfigTable section, Config& config);
void read_log(ConfigTable section, Config& config);
void read_billing(ConfigTable section, Config& config);
void read_postgres(ConfigTable section, Config& config);
void read_keys(ConfigTable section, Config& config);
void read_default_routes(ConfigTable section, Config& config);
void read_provider(ConfigTable section, Config& config);
void read_route(ConfigTable section, Config& config);
void read_key(ConfigTable section, Config& config);
/// Before read_auth, which asks whether there is mail.
void read_mail(ConfigTable section, Config& config);
void read_auth(ConfigTable section, Config& config);
void read_user(ConfigTable section, Config& config);

/// `localhost:1`, `:1`, `*:1` become numeric; empty when it is not an address to listen on.
std::string normal_address(const std::string& text);
bool is_local_address(const std::string& normal);

}  // namespace lurus::config
