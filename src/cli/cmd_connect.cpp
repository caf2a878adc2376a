#include <fmt/format.h>

#include <CLI/App.hpp>
#include <memory>
#include <ostream>

#include "cli/cli.hpp"
#include "cli/cmd_connect.hpp"
#include "connect/connect.hpp"
#include "core/os/file_owner.hpp"
#include "core/os/platform.hpp"
#include "core/os/terminal.hpp"

namespace lurus::cli {
namespace {

std::string home_relative(const std::filesystem::path& file) {
    return printable(connect::ClientHome::of_process().relative(file));
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
    if (!address.running) warnings.push_back("nobody answers at " + address.url + ": start it with `lurus serve`");
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

/// Where the client is remembered. A configuration that cannot be read stops nobody who needs none of it.
Outcome<std::filesystem::path> remembered_in(Cli& cli, const connect::Client& client, const connect::ClientHome& home,
                                             const ConnectOptions& options) {
    auto config = cli.config();
    if (config) return connect::remembering_folder((*config)->data_dir, home, client);
    const bool needed = !options.undo && (options.url.empty() || options.key.empty());
    if (needed || home.data_folder().empty()) return std::unexpected(config.error());
    return connect::remembering_folder(home.data_folder(), home, client);
}

std::vector<std::filesystem::path> settings_paths(const connect::Client& client, const connect::ClientHome& home) {
    std::vector<std::filesystem::path> out;
    for (const auto& file : connect::settings_for(client, home, {})) out.push_back(file.path);
    return out;
}

/// Root's own settings are rarely what somebody means who typed `sudo`.
std::optional<std::string> sudo_warning(const connect::ClientHome& home) {
    const std::string person = home.variable("SUDO_USER");
    if (person.empty() || person == "root" || platform::user_for(home.home) != 0) return std::nullopt;
    return "these are root's own settings, not those of " + person + ": for those, run it without sudo";
}

Outcome<connect::Plan> plan_for(const connect::Client& client, const connect::ClientHome& home,
                                const connect::Target& target, const connect::Connection* earlier) {
    auto plan = connect::plan_connect(connect::settings_for(client, home, target), earlier);
    if (!plan) return std::unexpected(failure_of(plan.error()));
    return *std::move(plan);
}

Outcome<void> carry_out(const connect::Plan& plan, const connect::Connection& connection,
                        const std::filesystem::path& folder) {
    auto done = connect::save_connection(folder, connection);
    if (done) done = connect::apply_plan(plan, folder);
    if (!done) return std::unexpected(failure_of(done.error()));
    return {};
}

int connect_client(Cli& cli, const connect::Client& client, const ConnectOptions& options) {
    connect::ClientHome home = connect::ClientHome::of_process();
    auto folder = remembered_in(cli, client, home, options);
    if (!folder) return cli.report(folder.error());
    auto loaded = connect::load_connection(*folder, client.id);
    if (!loaded && loaded.error().code != ErrorCode::not_found) return cli.report(failure_of(loaded.error()));
    const connect::Connection* earlier = loaded ? &*loaded : nullptr;
    if (auto mended = connect::mend_files(settings_paths(client, home), *folder); !mended)
        return cli.report(failure_of(mended.error()));
    auto address = address_for(cli, options, client, earlier);
    if (!address) return cli.report(address.error());

    // First with a key that is none: a file that cannot be written is known before a key is made.
    std::string stand_in = earlier != nullptr ? earlier->key : "cr_new";
    auto trial = plan_for(client, home, {address->url, stand_in}, earlier);
    if (!trial) return cli.report(trial.error());
    auto warnings = connect::environment_warnings(client, home);
    if (auto warning = sudo_warning(home)) warnings.push_back(*warning);
    std::error_code ec;
    if (auto hiding = connect::hiding_file(client, home, std::filesystem::current_path(ec)))
        warnings.push_back(fmt::format("{}, started here, reads {} instead of {}: put the two lines there, too",
                                       client.title, home_relative(*hiding),
                                       home_relative(settings_paths(client, home).back())));
    if (options.dry_run) {
        print_result(cli, client, options, *address, {}, trial->changes, warnings);
        return exit_ok;
    }
    auto key = key_for(cli, client, options, *address, earlier);
    if (!key) return cli.report(key.error());
    auto plan = plan_for(client, home, {address->url, key->value}, earlier);
    if (!plan) return cli.report(plan.error());
    connect::Connection connection{client.id, address->url, key->value, key->id, {}};
    for (const auto& file : plan->files) connection.files.push_back(file.saved);
    if (auto done = carry_out(*plan, connection, *folder); !done) return cli.report(done.error());
    if (earlier != nullptr && !earlier->key_id.empty() && earlier->key_id != key->id) {
        (void)cli.call("DELETE",
                       "/api/v1/keys/" + percent_encode(earlier->key_id));  // it may be gone, or its server away
    }
    for (const auto& file : plan->files) {
        if (!file.holds_key) continue;
        if (auto warning = readable_warning(file.saved.path)) warnings.push_back(*warning);
    }
    if (auto warning = refused_warning(*address, *key)) warnings.push_back(*warning);
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

int undo(Cli& cli, const connect::Client& client, const ConnectOptions& options) {
    const connect::ClientHome home = connect::ClientHome::of_process();
    auto folder = remembered_in(cli, client, home, options);
    if (!folder) return cli.report(folder.error());
    auto connection = connect::load_connection(*folder, client.id);
    if (!connection) {
        if (connection.error().code != ErrorCode::not_found) return cli.report(failure_of(connection.error()));
        return cli.report({exit_not_found, fmt::format("{} was not connected from the data folder {}: nothing to undo",
                                                       client.title, folder->string())});
    }
    if (auto mended = connect::mend_files(settings_paths(client, home), *folder); !mended)
        return cli.report(failure_of(mended.error()));
    auto undone = connect::undo_connection(*connection, *folder);
    if (!undone) return cli.report(failure_of(undone.error()));
    std::string key_problem;
    if (!connection->key_id.empty()) {
        reach_server_of(cli, *connection);
        auto gone = cli.call("DELETE", "/api/v1/keys/" + percent_encode(connection->key_id));
        if (!gone && gone.error().exit != exit_not_found)
            key_problem = "its key could not be revoked: " + gone.error().message;
    }
    if (auto gone = connect::forget_connection(*folder, client.id); !gone) return cli.report(failure_of(gone.error()));
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
        const auto folder = connect::remembering_folder((*config)->data_dir, home, client);
        bool ours = connect::load_connection(folder, client.id).has_value();
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
            return options->undo ? undo(cli, client, *options) : connect_client(cli, client, *options);
        };
    });
}

}  // namespace lurus::cli
