#include <fmt/format.h>

#include <CLI/App.hpp>
#include <ostream>

#include "cli/cli.hpp"
#include "cli/cli_format.hpp"
#include "cli/cmd_action.hpp"
#include "cli/cmd_render.hpp"
#include "config/config_files.hpp"

namespace lurus::cli {
namespace {

int check(Cli& cli) {
    auto config = cli.config();
    if (!config) return cli.report(config.error());
    const config::Config& c = **config;
    std::string unusable;
    std::vector<std::string> warnings = c.warnings;
    for (const auto& found : config::check_files(c, cli.clock.now())) {
        const std::string line = found.where + ": " + found.what;
        if (found.level == config::FileFinding::Level::unusable)
            unusable += (unusable.empty() ? "" : "\n") + line;
        else if (found.level != config::FileFinding::Level::good)
            warnings.push_back(line);
    }
    if (!unusable.empty()) return cli.report(failure_of(Error(ErrorCode::invalid_argument, unusable)));
    if (cli.json) {
        cli.print_json({{"valid", true},
                        {"file", c.file.empty() ? Json(nullptr) : Json(c.file.string())},
                        {"warnings", warnings}});
        return exit_ok;
    }
    if (c.file.empty())
        cli.out << "No lurus.toml was found: the defaults are used.\n";
    else
        cli.out << fmt::format("{}: valid ({} providers, {} routes, {} keys).\n", c.file.string(), c.providers.size(),
                               c.routes.size(), c.keys.size());
    for (const auto& warning : warnings)
        cli.out << colored("warning: ", Color::yellow, cli.style.color) << printable(warning) << "\n";
    return exit_ok;
}

int show_config(Cli& cli) {
    auto config = cli.config();
    if (!config) return cli.report(config.error());
    std::string text = config::to_json(**config);
    if (cli.json)
        cli.print_json(Json::parse(text));
    else
        cli.out << text << "\n";
    return exit_ok;
}

std::string value_text(const Json& value) {
    if (value.is_array()) return value.empty() ? "none" : joined(value);
    return value.is_string() ? value.get<std::string>() : value.dump();
}

std::string render_flags(const Json& flags, const Style& style) {
    Table table({{"NAME", Align::left, 12},
                 {"VALUE", Align::left, 8},
                 {"FROM", Align::left, 8, 2},
                 {"WHAT", Align::left, 20, 1},
                 {"NEXT START", Align::left, 8, 3}});
    for (const auto& flag : flags) {
        std::string from = text_of(flag, "where");
        if (from.empty()) from = text_of(flag, "source");
        const Json& pending = member(flag, "pending");
        table.add({text_of(flag, "name"), value_text(member(flag, "value")), from, text_of(flag, "description"),
                   pending.is_null() ? std::string() : value_text(pending)});
    }
    return table.render(style);
}

int list_flags(Cli& cli, const Args&) {
    return finish_list(cli, cli.get("/api/v1/flags"), render_flags);
}

int change_flag(Cli& cli, const Args& args, const Json& value) {
    const std::string name = arg(args, "name");
    const auto changed = cli.call("PATCH", "/api/v1/flags/" + percent_encode(name), {}, {{"value", value}});
    return finish(cli, changed,
                  name + " is " + (changed ? value_text(member(*changed, "value")) : std::string()) + ".");
}

int set_flag(Cli& cli, const Args& args) {
    const std::string text = arg(args, "value");
    Json value = Json::parse(text, nullptr, false);
    if (!value.is_boolean() && !value.is_number()) value = text;
    return change_flag(cli, args, value);
}

int unset_flag(Cli& cli, const Args& args) {
    return change_flag(cli, args, nullptr);
}

}  // namespace

void add_config_commands(CLI::App& app, Cli& cli) {
    CLI::App* config = app.add_subcommand("config", "The configuration file");
    config->footer("Examples:\n  lurus config check\n  lurus config default > lurus.toml");
    auto add = [&](const char* name, const char* description, const char* examples, int (*act)(Cli&)) {
        CLI::App* command = config->add_subcommand(name, description);
        command->footer(examples);
        command->callback([&cli, act] { cli.run = [&cli, act] { return act(cli); }; });
    };
    add("check", "Whether it is valid; each mistake with line and column",
        "Examples:\n  lurus config check --config ./lurus.toml", check);
    add("show", "What is in force: file, environment and flags merged, secrets masked",
        "Examples:\n  lurus config show", show_config);
    const Arg name = {"name", "The flag: log.bodies, log.level, server.api_rpm, auth.open_signup", {}};
    add_action(
        *config, cli,
        {"flags", "What is switched on in the running server, and where that was said", {}, "config flags", list_flags},
        false);
    add_action(*config, cli,
               {"set",
                "Switch a flag in the running server; it is kept and wins over the file",
                {name, {"value", "What it shall be", {}}},
                "config set log.bodies errors",
                set_flag},
               false);
    add_action(*config, cli,
               {"unset", "Let the configuration decide a flag again", {name}, "config unset log.bodies", unset_flag},
               false);
    add("default", "The annotated file with every option, to start from",
        "Examples:\n  lurus config default > lurus.toml", [](Cli& c) {
            c.out << config::default_config_text();
            return int(exit_ok);
        });
}

}  // namespace lurus::cli
