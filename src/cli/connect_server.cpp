// Which server a client's key is made at: never one that the client is not sent to.
#include <fmt/format.h>

#include <boost/asio/ip/host_name.hpp>
#include <cstdlib>

#include "cli/cmd_connect.hpp"
#include "core/http/http_client.hpp"
#include "core/os/file_owner.hpp"
#include "core/os/platform.hpp"
#include "core/os/server_file.hpp"
#include "core/os/terminal.hpp"

namespace lurus::cli {
namespace {

enum class Answering : std::uint8_t { nobody, lurus, another_program };

Result<HttpAnswer> asked(const Url& url, std::string target, const std::string& key) {
    HttpCall call;
    call.url = url;
    call.target = std::move(target);
    if (!key.empty()) call.headers = {{"authorization", "Bearer " + key}};
    call.connect_timeout_ms = 2000;
    call.timeout_ms = 5000;
    // Whoever answers is told a key only where the client will tell it, too.
    call.tls_verify = !key.empty();
    return http_exchange(call);
}

Answering who_answers(const std::string& address) {
    const auto url = Url::parse(address);
    if (!url) return Answering::nobody;
    const auto health = asked(*url, "/health", "");
    if (!health) {
        const bool silent = health.error().code == ErrorCode::unavailable && port_owner(url->port).empty();
        return silent ? Answering::nobody : Answering::another_program;
    }
    const Json body = Json::parse(health->body, nullptr, false);
    return text_of(body, "status").empty() ? Answering::another_program : Answering::lurus;
}

bool runs(const std::string& address) {
    return who_answers(address) == Answering::lurus;
}

// What others made is not this user's, even on the same machine.
std::string note_of_made_keys() {
    boost::system::error_code ec;
    const std::string host = boost::asio::ip::host_name(ec);
    return fmt::format("made by `lurus connect` of {} on {}",
                       platform::user_name(platform::user_for(platform::home_dir())),
                       ec || host.empty() ? "this machine" : host);
}

Outcome<MadeKey> create_key(Cli& cli, const std::string& name) {
    auto made = cli.call("POST", "/api/v1/keys", {}, {{"name", name}, {"note", note_of_made_keys()}});
    if (!made) return std::unexpected(made.error());
    return MadeKey{text_of(*made, "key"), text_of(*made, "id"), name};
}

/// A key whose value is gone is replaced when this user's connect made it; a key of somebody else's is left alone.
Outcome<MadeKey> make_key(Cli& cli, const connect::Client& client) {
    for (int n = 1; n < 100; ++n) {
        std::string name = n == 1 ? client.key_name : fmt::format("{}-{}", client.key_name, n);
        auto existing = cli.get("/api/v1/keys/" + percent_encode(name));
        if (existing && text_of(*existing, "note") != note_of_made_keys()) continue;
        if (existing) {
            auto gone = cli.call("DELETE", "/api/v1/keys/" + percent_encode(text_of(*existing, "id")));
            if (!gone) return std::unexpected(gone.error());
        } else if (existing.error().exit != exit_not_found) {
            return std::unexpected(existing.error());
        }
        return create_key(cli, name);
    }
    return std::unexpected(
        Failure{exit_conflict,
                fmt::format("there are a hundred keys named like '{}': revoke some, or give --key", client.key_name)});
}

std::string given_server() {
    return platform::variable("LURUS_URL").value_or("");
}

void use_server(Cli& cli, const std::string& url) {
    platform::set_variable("LURUS_URL", url);
    cli.reopen();
}

std::string ask_for_key(const connect::Client& client, const std::string& url) {
    return fmt::format("ask whoever runs it for a key, then: lurus connect {} --url {} --key KEY", client.id, url);
}

/// A server that is not this data folder's: with the rights that one has there.
Outcome<Address> another_server(Cli& cli, const connect::Client& client, const std::string& url) {
    use_server(cli, url);
    if (cli.api()) return Address{url, true};
    return std::unexpected(Failure{
        exit_failed, fmt::format("the server at {} is not that of this data folder, so no key can be made there: {} "
                                 "(or set LURUS_ADMIN_TOKEN to its admin token)",
                                 url, ask_for_key(client, url))});
}

/// Nothing answers: the key is made in the data folder, for the server that will use it.
Outcome<Address> own_folder(const connect::Client& client, const config::Config& config, const std::string& url) {
    const auto owner = platform::owner_of(config.data_dir);
    const auto me = platform::user_for(config.data_dir);
    const bool others = owner ? *owner != me : owner.error().code == ErrorCode::permission_denied;
    if (!others) return Address{url, false};
    return std::unexpected(Failure{
        exit_failed,
        fmt::format("the data folder {} is {}'s, and its server does not answer at {}: {}", config.data_dir.string(),
                    owner ? platform::user_name(*owner) : "another user", url, ask_for_key(client, url))});
}

/// That of LURUS_URL, or the one that runs on the data folder.
Outcome<Address> running_address(Cli& cli, const connect::Client& client, bool own_key) {
    const std::string given = given_server();
    if (own_key && !given.empty()) return Address{clean_url(given).value_or(given), runs(given)};
    auto api = cli.api();
    if (!api && !given.empty())
        return std::unexpected(Failure{api.error().exit, api.error().message + "; or " + ask_for_key(client, given)});
    if (!api) return std::unexpected(api.error());
    std::string url = reachable_url((*api)->server_url());
    if (url.starts_with("unix:")) {
        auto config = cli.config();
        url = config ? configured_url(**config) : std::string();
    }
    while (url.ends_with('/')) url.pop_back();
    if (!url.empty()) return Address{url, true};
    return std::unexpected(
        Failure{exit_usage, "no TCP listener is configured, and clients cannot use a Unix socket: give --url"});
}

Outcome<Address> named_address(Cli& cli, const ConnectOptions& options, const connect::Client& client, bool own_key) {
    const auto url = clean_url(options.url);
    if (!url) return std::unexpected(failure_of(url.error()));
    if (own_key) return Address{*url, runs(*url)};
    if (cli.server_expected()) {
        const auto ours = running_address(cli, client, own_key);
        if (ours && ours->url == *url) return ours;
    }
    return another_server(cli, client, *url);
}

}  // namespace

Outcome<Address> address_for(Cli& cli, const ConnectOptions& options, const connect::Client& client,
                             const connect::Connection* earlier) {
    const bool remembers = earlier != nullptr && earlier->key_id.empty() && given_server().empty();
    if (!options.url.empty()) {
        const bool own_key = !options.key.empty() || (remembers && clean_url(options.url).value_or("") == earlier->url);
        return named_address(cli, options, client, own_key);
    }
    if (options.key.empty() && remembers) return Address{earlier->url, runs(earlier->url)};
    if (cli.server_expected()) return running_address(cli, client, !options.key.empty());
    auto config = cli.config();
    if (!config) return std::unexpected(config.error());
    const std::string url = configured_url(**config);
    if (options.key.empty() && earlier != nullptr && earlier->url != url && runs(earlier->url))
        return another_server(cli, client, earlier->url);
    if (url.empty())
        return std::unexpected(
            Failure{exit_usage, "no TCP listener is configured, and clients cannot use a Unix socket: give --url"});
    const Answering answering = who_answers(url);
    if (answering == Answering::another_program) {
        return std::unexpected(
            Failure{exit_failed, fmt::format("{} is taken by a program that is no lurus server: stop it, set "
                                             "server.listen to another port, or give --url",
                                             url)});
    }
    if (!options.key.empty()) return Address{url, answering == Answering::lurus};
    return answering == Answering::lurus ? another_server(cli, client, url) : own_folder(client, **config, url);
}

Outcome<MadeKey> key_for(Cli& cli, const connect::Client& client, const ConnectOptions& options, const Address& address,
                         const connect::Connection* earlier) {
    if (options.key == "-") {
        auto typed = read_secret("Gateway key (not shown): ");
        if (!typed) return std::unexpected(failure_of(typed.error()));
        return MadeKey{*typed, "", ""};
    }
    if (!options.key.empty()) return MadeKey{options.key, "", ""};
    if (earlier != nullptr && earlier->key_id.empty() && earlier->url == address.url)
        return MadeKey{earlier->key, "", ""};
    // What is made in the folder is its owner's.
    std::optional<platform::ActAsOwner> as;
    if (auto config = cli.config()) as.emplace((*config)->data_dir);
    if (earlier != nullptr && !earlier->key_id.empty()) {
        auto known = cli.get("/api/v1/keys/" + percent_encode(earlier->key_id));
        if (known && text_of(*known, "status") == "active")
            return MadeKey{earlier->key, earlier->key_id, text_of(*known, "name")};
        if (!known && known.error().exit != exit_not_found) return std::unexpected(known.error());
    }
    return make_key(cli, client);
}

void reach_server_of(Cli& cli, const connect::Connection& connection) {
    if (!cli.server_expected() && runs(connection.url)) use_server(cli, connection.url);
}

std::optional<std::string> refused_warning(const Address& address, const MadeKey& key) {
    const auto url = Url::parse(address.url);
    if (!address.running || !url) return std::nullopt;
    const auto answer = asked(*url, "/v1/models", key.value);
    if (!answer || answer->status != 401) return std::nullopt;
    return "the server at " + address.url + " does not take this key: ask whoever runs it for another";
}

}  // namespace lurus::cli
