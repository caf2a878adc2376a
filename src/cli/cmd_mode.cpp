// `lurus mode`, `lurus sync` and `lurus nodes`.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <memory>
#include <ostream>

#include "cli/cli_format.hpp"
#include "cli/cmd_action.hpp"

namespace lurus::cli {
namespace {

constexpr const char* alone_text =
    "Nothing is shared here. [postgres] url in lurus.toml names the database that nodes share.\n";

Color mode_color(const std::string& mode) {
    if (mode == "online") return Color::green;
    return mode == "off" ? Color::dim : Color::yellow;
}

std::string time_text(const Json& shown, const char* name) {
    const auto time = parse_time(text_of(shown, name));
    return time ? format_date_time(local_time(*time)) : std::string(unknown_text);
}

std::string render_backends(const Json& backends, const Style& style) {
    if (backends.empty()) return alone_text;
    Table table({{"BACKEND"},
                 {"MODE"},
                 {"SET TO"},
                 {"SINCE"},
                 {"BACKLOG", Align::right, 0, 1},
                 {"AT", Align::left, 12, 2},
                 {"REASON", Align::left, 16}});
    for (const auto& backend : backends) {
        const std::string mode = text_of(backend, "mode");
        table.add({text_of(backend, "name"), Cell(mode, mode_color(mode)), text_of(backend, "setting"),
                   time_text(backend, "since"), std::to_string(number_of(backend, "backlog").value_or(0)),
                   text_of(backend, "at"), printable(text_of(backend, "reason"))});
    }
    return table.render(style);
}

struct ModeOptions {
    std::string wanted, backend = "postgres";
};

int run_mode(Cli& cli, const ModeOptions& options) {
    if (options.wanted.empty()) return finish_list(cli, cli.get("/api/v1/backends"), render_backends);
    const std::string setting = options.wanted == "offline"  ? "off"
                                : options.wanted == "online" ? "on"
                                                             : options.wanted;
    const auto set = cli.call("PUT", "/api/v1/backends/" + percent_encode(options.backend), {}, {{"setting", setting}});
    return finish(cli, set,
                  set ? fmt::format("{} is set to {}; it is {}.", options.backend, setting, text_of(*set, "mode"))
                      : std::string());
}

int show_sync(Cli& cli, const Args&) {
    const auto status = cli.get("/api/v1/sync");
    if (!status) return cli.report(status.error());
    if (cli.json) {
        cli.print_json(*status);
        return exit_ok;
    }
    const std::string installation = text_of(*status, "installation"), reason = text_of(*status, "reason");
    const Json& backlog = member(*status, "backlog");
    const auto age = number_of(*status, "mirror_age_seconds");
    const std::string mode = text_of(*status, "mode");
    cli.out << "mode          " << colored(mode, mode_color(mode), cli.style.color) << "\n";
    if (!reason.empty()) cli.out << "reason        " << printable(reason) << "\n";
    if (!installation.empty())
        cli.out << "installation  " << printable(installation) << ", up to its commit "
                << number_of(*status, "number").value_or(0) << "\n";
    if (age) cli.out << "mirror        had all of it " << format_duration(*age * 1'000'000) << " ago\n";
    cli.out << fmt::format("backlog       {} records, {} changes\n", number_of(backlog, "log").value_or(0),
                           number_of(backlog, "changes").value_or(0));
    return exit_ok;
}

std::string render_nodes(const Json& nodes, const Style& style) {
    if (nodes.empty()) return alone_text;
    Table table({{"ID"},
                 {"SEEN"},
                 {"STARTED", Align::left, 0, 2},
                 {"VERSION", Align::left, 0, 1},
                 {"ADDRESS", Align::left, 8},
                 {"MODULES", Align::left, 8, 3}});
    for (const auto& node : nodes) {
        const Json& alive = member(node, "alive");
        table.add({text_of(node, "id"), Cell(time_text(node, "seen"), alive == true ? Color::green : Color::yellow),
                   time_text(node, "started"), text_of(node, "version"), printable(text_of(node, "address")),
                   joined(member(node, "modules"))});
    }
    return table.render(style);
}

int list_nodes(Cli& cli) {
    return finish_list(cli, cli.get("/api/v1/nodes"), render_nodes);
}

int forget_node(Cli& cli, const Args& args) {
    const std::string id = arg(args, "id");
    return finish(cli, cli.call("DELETE", "/api/v1/nodes/" + percent_encode(id)),
                  "The node " + printable(id) + " is forgotten.");
}

}  // namespace

void add_mode_commands(CLI::App& app, Cli& cli) {
    auto options = std::make_shared<ModeOptions>();
    CLI::App* mode = app.add_subcommand("mode", "Which databases that nodes share this node uses, and how they do");
    choose(cli,
           mode->add_option("mode", options->wanted,
                            "offline: as in an outage; online: not ready without it; auto: goes on without it"),
           {"offline", "online", "auto"});
    choose(cli, mode->add_option("backend", options->backend, "Which one (default: postgres)"), {"postgres"});
    mode->footer(
        "Examples:\n"
        "  lurus mode\n"
        "  lurus mode offline\n"
        "  lurus mode auto postgres\n"
        "What is set counts for this node, also after a restart.");
    mode->callback([&cli, options] { cli.run = [&cli, options] { return run_mode(cli, *options); }; });

    CLI::App* sync = app.add_subcommand("sync", "What this node and its installation know of one another");
    sync->footer("Examples:\n  lurus sync status");
    add_action(
        *sync, cli,
        {"status", "How far the mirror has come, and what waits to be sent", {}, "sync status --json", show_sync},
        false);

    CLI::App* nodes = app.add_subcommand("nodes", "The processes that share the installation");
    nodes->footer("Examples:\n  lurus nodes\n  lurus nodes forget 0194e6c1f3b87a04b1c2d3e4f5a60718");
    nodes->callback([&cli, nodes] {
        if (nodes->get_subcommands().empty()) cli.run = [&cli] { return list_nodes(cli); };
    });
    add_action(*nodes, cli,
               {"forget",
                "Take one that is gone for good off the list",
                {{"id", "The node's id", {}}},
                "nodes forget 0194e6c1f3b87a04b1c2d3e4f5a60718",
                forget_node},
               false);
}

}  // namespace lurus::cli
