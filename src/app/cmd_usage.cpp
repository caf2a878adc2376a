#include <fmt/format.h>

#include <CLI/App.hpp>
#include <memory>
#include <ostream>

#include "app/cli.hpp"
#include "app/cli_format.hpp"
#include "app/cmd_render.hpp"

namespace lurus::app {
namespace {

struct Options {
    std::string by = "model", since = "24h", until;
};

int run(Cli& cli, const Options& options) {
    std::map<std::string, std::string> query = {{"by", options.by}};
    for (auto [name, text] : {std::pair{"since", &options.since}, {"until", &options.until}}) {
        if (text->empty()) continue;
        auto time = parse_moment(*text, cli.clock.now());
        if (!time)
            return cli.report(
                {exit_usage, fmt::format("--{} {}: give 15m, 24h, 7d, today, a date or RFC 3339", name, *text)});
        query[name] = format_time(*time);
    }
    auto usage = cli.get("/api/v1/usage", query);
    if (!usage) return cli.report(usage.error());
    if (cli.json)
        cli.print_json(*usage);
    else
        cli.out << render_usage(*usage, options.by, cli.style);
    return exit_ok;
}

}  // namespace

void add_usage_command(CLI::App& app, Cli& cli) {
    auto options = std::make_shared<Options>();
    CLI::App* command = app.add_subcommand("usage", "Requests, tokens and cost over a time");
    choose(cli, command->add_option("--by", options->by, "One line for each (default: model)"),
           {"model", "provider", "key", "user", "day", "hour"});
    command->add_option("--since", options->since, "From: 24h (default), 7d, today, a date, RFC 3339")
        ->type_name("WHEN");
    command->add_option("--until", options->until, "Before (default: now)")->type_name("WHEN");
    command->footer(
        "Examples:\n"
        "  lurus usage\n"
        "  lurus usage --by key --since 7d\n"
        "  lurus usage --by day --since 2026-11-01 --json");
    command->callback([&cli, options] { cli.run = [&cli, options] { return run(cli, *options); }; });
}

}  // namespace lurus::app
