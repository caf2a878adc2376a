#include <fmt/format.h>

#include <CLI/App.hpp>
#include <boost/asio/ip/host_name.hpp>
#include <memory>
#include <ostream>

#include "cli/cli.hpp"
#include "cli/cmd_connect.hpp"
#include "connect/connect.hpp"
#include "core/os/platform.hpp"
#include "core/os/server_file.hpp"
#include "core/os/terminal.hpp"

namespace lurus::cli {
namespace {

struct ConnectOptions {
    std::string client, url, key;
    bool undo = false, dry_run = false;
};

struct MadeKey {
    std::string value, id, name;  // no id: the user's own
};

std::string note_of_made_keys() {
    boost::system::error_code ec;
    std::string host = boost::asio::ip::host_name(ec);
    return "made by `lurus connect` on " + (ec || host.empty() ? "this machine" : host);
}

Outcome<MadeKey> create_key(Cli& cli, const std::string& name) {
    auto made = cli.call("POST", "/api/v1/keys", {}, {{"name", name}, {"note", note_of_made_keys()}});
    if (!made) return std::unexpected(made.error());
    return MadeKey{text_of(*made, "key"), text_of(*made, "id"), name};
}

/// A key whose value is gone is replaced when this machine's connect made it; a key of somebody else's is left alone.
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

Outcome<MadeKey> key_for(Cli& cli, const connect::Client& client, const ConnectOptions& options,
                         const connect::Connection* earlier) {
    if (options.key == "-") {
        auto typed = read_secret("Gateway key (not shown): ");
        if (!typed) return std::unexpected(failure_of(typed.error()));
        return MadeKey{*typed, "", ""};
    }
    if (!options.key.empty()) return MadeKey{options.key, "", ""};
    if (earlier != nullptr && earlier->key_id.empty()) return MadeKey{earlier->key, "", ""};
    if (earlier != nullptr) {
        auto known = cli.get("/api/v1/keys/" + percent_encode(earlier->key_id));
        if (known && text_of(*known, "status") == "active")
            return MadeKey{earlier->key, earlier->key_id, text_of(*known, "name")};
        if (!known && known.error().exit != exit_not_found) return std::unexpected(known.error());
    }
    return make_key(cli, client);
}

/// Where clients reach the gateway, and whether anybody answers there.
struct Address {
    std::string url;
    bool running = false;
};

Outcome<Address> address_for(Cli& cli, const ConnectOptions& options) {
    if (!options.url.empty()) {
        auto url = clean_url(options.url);
        if (!url) return std::unexpected(failure_of(url.error()));
        if (options.key.empty()) {
            auto api = cli.api();
            if (!api || (*api)->server_url() != *url) {
                return std::unexpected(
                    Failure{exit_usage, fmt::format("--url {}: give --key too: a key can only be made at the server "
                                                    "that this data folder belongs to",
                                                    *url)});
            }
        }
        return Address{*url, true};
    }
    auto api = cli.api();
    if (!api) return std::unexpected(api.error());
    if (!(*api)->server_url().empty()) return Address{reachable_url((*api)->server_url()), true};
    auto config = cli.config();
    if (!config) return std::unexpected(config.error());
    std::string url = configured_url(**config);
    if (url.empty())
        return std::unexpected(
            Failure{exit_usage, "no TCP listener is configured, and clients cannot use a Unix socket: give --url"});
    return Address{url, false};
}

/// `~/.claude/settings.json`
std::string home_relative(const std::filesystem::path& file) {
    std::string text = file.string(), home = platform::home_dir().string();
    if (home.size() > 1 && text.starts_with(home + "/")) text = "~" + text.substr(home.size());
    return printable(text);
}

void print_changes(Cli& cli, const std::vector<connect::Change>& changes) {
    std::filesystem::path file;
    for (const auto& change : changes) {
        if (change.file != file) cli.out << "\n" << home_relative(change.file) << "\n";
        file = change.file;
        std::string was = change.before ? printable(*change.before) : "";
        if (!change.after) {
            cli.out << colored(fmt::format("  - {} = {}", change.setting, was), Color::red, cli.style.color) << "\n";
        } else if (!change.before) {
            cli.out << colored(fmt::format("  + {} = {}", change.setting, printable(*change.after)), Color::green,
                               cli.style.color)
                    << "\n";
        } else {
            cli.out << colored(fmt::format("  ~ {} = {}  (was {})", change.setting, printable(*change.after), was),
                               Color::yellow, cli.style.color)
                    << "\n";
        }
    }
    if (!changes.empty()) cli.out << "\n";
}

Json json_of(const std::vector<connect::Change>& changes) {
    Json out = Json::array();
    for (const auto& c : changes) {
        out.push_back({{"file", c.file.string()},
                       {"setting", c.setting},
                       {"before", c.before ? Json(*c.before) : Json(nullptr)},
                       {"after", c.after ? Json(*c.after) : Json(nullptr)}});
    }
    return out;
}

void print_result(Cli& cli, const connect::Client& client, const ConnectOptions& options, const Address& address,
                  const MadeKey& key, const std::vector<connect::Change>& changes, std::vector<std::string> warnings) {
    if (!address.running) warnings.push_back("no server is running: start it with `lurus serve`");
    if (cli.json) {
        cli.print_json({{"client", client.id},
                        {"url", address.url},
                        {"key", key.name.empty() ? Json(nullptr) : Json(key.name)},
                        {"dry_run", options.dry_run},
                        {"changed", json_of(changes)},
                        {"warnings", warnings}});
        return;
    }
    if (options.dry_run)
        cli.out << fmt::format("{} would use {}; nothing was written.\n", client.title, address.url);
    else if (changes.empty())
        cli.out << fmt::format("{} uses {} already; nothing was changed.\n", client.title, address.url);
    else
        cli.out << fmt::format("{} now uses {}{}.\n", client.title, address.url,
                               key.name.empty() ? "" : fmt::format(" with the key '{}'", key.name));
    print_changes(cli, changes);
    if (!options.dry_run && !changes.empty())
        cli.out << fmt::format("What was there is kept: `lurus connect {} --undo` puts it back.\n", client.id);
    for (const auto& warning : warnings) cli.out << colored("! ", Color::yellow, cli.style.color) << warning << "\n";
}

int connect_client(Cli& cli, const connect::Client& client, const ConnectOptions& options) {
    auto config = cli.config();
    if (!config) return cli.report(config.error());
    const auto& data_dir = (*config)->data_dir;
    connect::ClientHome home = connect::ClientHome::of_process();
    auto loaded = connect::load_connection(data_dir, client.id);
    if (!loaded && loaded.error().code != ErrorCode::not_found) return cli.report(failure_of(loaded.error()));
    const connect::Connection* earlier = loaded ? &*loaded : nullptr;
    auto address = address_for(cli, options);
    if (!address) return cli.report(address.error());

    // First with a key that is none: a file that cannot be edited is known before a key is made.
    std::string stand_in = earlier != nullptr ? earlier->key : (*config)->key_prefix + "new";
    auto trial = connect::plan_connect(connect::settings_for(client, home, {address->url, stand_in}), earlier);
    if (!trial) return cli.report(failure_of(trial.error()));
    auto warnings = connect::environment_warnings(client, home);
    if (options.dry_run) {
        print_result(cli, client, options, *address, {}, trial->changes, warnings);
        return exit_ok;
    }
    auto key = key_for(cli, client, options, earlier);
    if (!key) return cli.report(key.error());
    auto plan = connect::plan_connect(connect::settings_for(client, home, {address->url, key->value}), earlier);
    if (!plan) return cli.report(failure_of(plan.error()));
    connect::Connection connection{client.id, address->url, key->value, key->id, {}};
    for (const auto& file : plan->files) connection.files.push_back(file.saved);
    if (auto saved = connect::save_connection(data_dir, connection); !saved)
        return cli.report(failure_of(saved.error()));
    if (auto written = connect::apply_plan(*plan); !written) return cli.report(failure_of(written.error()));
    if (earlier != nullptr && !earlier->key_id.empty() && earlier->key_id != key->id) {
        (void)cli.call("DELETE",
                       "/api/v1/keys/" + percent_encode(earlier->key_id));  // it may be gone, or its server away
    }
    for (const auto& file : plan->files) {
        if (auto warning = readable_warning(file.saved.path)) warnings.push_back(*warning);
    }
    print_result(cli, client, options, *address, *key, plan->changes, warnings);
    return exit_ok;
}

std::string_view how_text(connect::Undone::How how) {
    switch (how) {
        case connect::Undone::How::restored: return "restored as it was";
        case connect::Undone::How::removed: return "removed: it was not there before";
        case connect::Undone::How::edited: return "was changed since: only our settings were taken out";
        case connect::Undone::How::untouched: break;
    }
    return "nothing of ours is in it";
}

int undo(Cli& cli, const connect::Client& client) {
    auto config = cli.config();
    if (!config) return cli.report(config.error());
    auto connection = connect::load_connection((*config)->data_dir, client.id);
    if (!connection) {
        if (connection.error().code != ErrorCode::not_found) return cli.report(failure_of(connection.error()));
        return cli.report({exit_not_found, fmt::format("{} was not connected from the data folder {}: nothing to undo",
                                                       client.title, (*config)->data_dir.string())});
    }
    auto undone = connect::undo_connection(*connection);
    if (!undone) return cli.report(failure_of(undone.error()));
    std::string key_problem;
    if (!connection->key_id.empty()) {
        auto gone = cli.call("DELETE", "/api/v1/keys/" + percent_encode(connection->key_id));
        if (!gone && gone.error().exit != exit_not_found)
            key_problem = "its key could not be revoked: " + gone.error().message;
    }
    if (auto gone = connect::forget_connection((*config)->data_dir, client.id); !gone)
        return cli.report(failure_of(gone.error()));
    Json files = Json::array();
    for (const auto& file : *undone) {
        files.push_back({{"file", file.file.string()}, {"result", how_text(file.how)}, {"left", file.left}});
        if (cli.json) continue;
        cli.out << home_relative(file.file) << ": " << how_text(file.how) << "\n";
        for (const auto& setting : file.left)
            cli.out << "  " << setting << " was changed since the connect and is left as it is\n";
    }
    if (cli.json)
        cli.print_json({{"client", client.id}, {"undone", files}});
    else
        cli.out << fmt::format("{} is no longer connected.\n", client.title);
    if (!key_problem.empty()) cli.err << "lurus: " << key_problem << "\n";
    return exit_ok;
}

int list_clients(Cli& cli) {
    auto config = cli.config();
    if (!config) return cli.report(config.error());
    connect::ClientHome home = connect::ClientHome::of_process();
    Table table({{"CLIENT"}, {"INSTALLED"}, {"CONNECTED"}, {"SETTINGS", Align::left, 12}});
    for (const auto& client : connect::known_clients()) {
        connect::ClientState state = connect::inspect_client(client, home);
        bool ours = connect::load_connection((*config)->data_dir, client.id).has_value();
        bool installed = program_exists(client.program);
        if (cli.json) {
            cli.print_json({{"client", client.id},
                            {"title", client.title},
                            {"installed", installed},
                            {"connected", ours && !state.url.empty()},
                            {"url", state.url.empty() ? Json(nullptr) : Json(state.url)},
                            {"file", state.file.string()}});
            continue;
        }
        std::string where = !state.problem.empty() ? "unreadable"
                            : state.url.empty()    ? "no"
                                                   : (ours ? "yes: " : "elsewhere: ") + state.url;
        table.add({client.id, installed ? "yes" : "no",
                   Cell(where, ours && !state.url.empty() ? Color::green : Color::none), home_relative(state.file)});
    }
    if (!cli.json) cli.out << table.render(cli.style);
    return exit_ok;
}

}  // namespace

void add_connect_command(CLI::App& app, Cli& cli) {
    auto options = std::make_shared<ConnectOptions>();
    CLI::App* command = app.add_subcommand(
        "connect", "Point a client at this gateway, or put its settings back; without a client: what is connected");
    std::vector<std::string> ids;
    for (const auto& client : connect::known_clients()) ids.push_back(client.id);
    choose(cli, command->add_option("client", options->client, "Which client"), ids);
    CLI::Option* undoing = command->add_flag("--undo", options->undo, "Put back what was there before");
    command->add_option("--url", options->url, "The gateway's address, when it is another machine's")
        ->type_name("URL")
        ->excludes(undoing);
    command->add_option("--key", options->key, "Use this key instead of making one; '-': from standard input")
        ->type_name("KEY")
        ->excludes(undoing);
    command->add_flag("--dry-run", options->dry_run, "Show what would change, write nothing")->excludes(undoing);
    command->footer(
        "Examples:\n"
        "  lurus connect claude\n"
        "  lurus connect codex --dry-run\n"
        "  lurus connect gemini --url https://gateway.example.com --key cr_...\n"
        "  lurus connect claude --undo");
    command->callback([&cli, options] {
        cli.run = [&cli, options] {
            if (options->client.empty()) {
                if (options->undo)
                    return cli.report({exit_usage, "--undo: say which client: see `lurus connect --help`"});
                return list_clients(cli);
            }
            const connect::Client& client = *connect::find_client(options->client);
            return options->undo ? undo(cli, client) : connect_client(cli, client, *options);
        };
    });
}

}  // namespace lurus::cli
