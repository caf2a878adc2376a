#include <fmt/format.h>

#include <CLI/App.hpp>
#include <memory>
#include <ostream>
#include <tuple>

#include "cli/cli.hpp"
#include "cli/cli_format.hpp"
#include "cli/cmd_render.hpp"

namespace lurus::cli {
namespace {

struct UsageOptions {
    std::string by = "model", since = "24h", until, bucket;
};

/// Usage tells one thing of each, statistics each thing of each hour or day, and who shares a team.
bool asks_statistics(const UsageOptions& options) {
    return !options.bucket.empty() || options.by == "account" || options.by == "team";
}

// The moment in front of what the first column shows.
Json with_times(Json statistics) {
    for (auto& row : statistics["data"]) {
        const std::string time = text_of(row, "time");
        if (!time.empty()) row["name"] = time.substr(0, 16) + "Z " + usage_name(row);
    }
    return statistics;
}

int run_usage(Cli& cli, const UsageOptions& options) {
    std::map<std::string, std::string> query = {{"by", options.by}};
    const bool statistics = asks_statistics(options);
    for (auto [option, text, name] : {std::tuple{"since", &options.since, statistics ? "from" : "since"},
                                      std::tuple{"until", &options.until, statistics ? "to" : "until"}}) {
        if (text->empty()) continue;
        auto time = parse_moment(*text, cli.clock.now());
        if (!time)
            return cli.report(
                {exit_usage, fmt::format("--{} {}: give 15m, 24h, 7d, today, a date or RFC 3339", option, *text)});
        query[name] = format_time(*time);
    }
    if (!options.bucket.empty()) query["bucket"] = options.bucket;
    auto usage = cli.get(statistics ? "/api/v1/statistics" : "/api/v1/usage", query);
    if (!usage) return cli.report(usage.error());
    if (cli.json)
        cli.print_json(*usage);
    else
        cli.out << render_usage(statistics ? with_times(*usage) : *usage, options.by, cli.style);
    return exit_ok;
}

}  // namespace

void add_usage_command(CLI::App& app, Cli& cli) {
    auto options = std::make_shared<UsageOptions>();
    CLI::App* command = app.add_subcommand("usage", "Requests, tokens and cost over a time");
    choose(cli, command->add_option("--by", options->by, "One line for each (default: model)"),
           {"model", "provider", "account", "key", "user", "team", "org", "day", "hour"});
    choose(cli, command->add_option("--bucket", options->bucket, "Each of them for each hour or day apart"),
           {"hour", "day"});
    command->add_option("--since", options->since, "From: 24h (default), 7d, today, a date, RFC 3339")
        ->type_name("WHEN");
    command->add_option("--until", options->until, "Before (default: now)")->type_name("WHEN");
    command->footer(
        "Examples:\n"
        "  lurus usage\n"
        "  lurus usage --by key --since 7d\n"
        "  lurus usage --by team --bucket day --since 7d\n"
        "  lurus usage --by day --since 2026-11-01 --json");
    command->callback([&cli, options] { cli.run = [&cli, options] { return run_usage(cli, *options); }; });
}

}  // namespace lurus::cli
