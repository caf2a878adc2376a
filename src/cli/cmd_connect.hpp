#pragma once
// Where a client's gateway is, who answers there, and the key that it is given.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "cli/cli.hpp"
#include "config/config.hpp"
#include "connect/connect.hpp"
#include "lurus/result.hpp"

namespace lurus::cli {

struct ConnectOptions {
    std::string client, url, key;
    bool undo = false, dry_run = false;
};

/// Where clients reach the gateway, and whether it answers there.
struct Address {
    std::string url;
    bool running = false;
};

struct MadeKey {
    std::string value, id, name;  // no id: the user's own
};

/// Where the client is to go. Also says whether a key can be had there when one is needed: it fails, and nothing was
/// made, when the server that answers is not this data folder's and nobody is signed in to it. `earlier` may be null.
Outcome<Address> address_for(Cli& cli, const ConnectOptions& options, const connect::Client& client,
                             const connect::Connection* earlier);
/// The user's own, the one from before where it still works, or a new one.
Outcome<MadeKey> key_for(Cli& cli, const connect::Client& client, const ConnectOptions& options, const Address& address,
                         const connect::Connection* earlier);
/// Lets `cli` talk to the server that the connection's key is of.
void reach_server_of(Cli& cli, const connect::Connection& connection);
/// Said when the server there does not take the key.
std::optional<std::string> refused_warning(const Address& address, const MadeKey& key);

/// A gateway's root from what a person typed: scheme checked, `/v1` and trailing slashes taken off.
Result<std::string> clean_url(std::string_view text);
/// The first TCP listener of the configuration as a URL; empty when there is none.
std::string configured_url(const config::Config& config);
/// Said when a file that now holds a key can be read by others.
std::optional<std::string> readable_warning(const std::filesystem::path& file);

}  // namespace lurus::cli
