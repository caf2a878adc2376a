#include <fmt/format.h>

#include <CLI/App.hpp>
#include <ostream>

#include "app/cli.hpp"

namespace lurus::app {
namespace {

int check(Cli& cli) {
    auto config = cli.config();
    if (!config) return cli.report(config.error());
    const Config& c = **config;
    if (cli.json) {
        cli.print_json({{"valid", true},
                        {"file", c.file.empty() ? Json(nullptr) : Json(c.file.string())},
                        {"warnings", c.warnings}});
        return exit_ok;
    }
    if (c.file.empty())
        cli.out << "No lurus.toml was found: the defaults are used.\n";
    else
        cli.out << fmt::format("{}: valid ({} providers, {} routes, {} keys).\n", c.file.string(), c.providers.size(),
                               c.routes.size(), c.keys.size());
    for (const auto& warning : c.warnings)
        cli.out << colored("warning: ", Color::yellow, cli.style.color) << printable(warning) << "\n";
    return exit_ok;
}

int show(Cli& cli) {
    auto config = cli.config();
    if (!config) return cli.report(config.error());
    std::string text = to_json(**config);
    if (cli.json)
        cli.print_json(Json::parse(text));
    else
        cli.out << text << "\n";
    return exit_ok;
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
        "Examples:\n  lurus config show", show);
    add("default", "The annotated file with every option, to start from",
        "Examples:\n  lurus config default > lurus.toml", [](Cli& c) {
            c.out << default_config_text();
            return int(exit_ok);
        });
}

}  // namespace lurus::app
