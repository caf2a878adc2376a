#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/App.hpp>
#include <array>
#include <memory>
#include <optional>
#include <ostream>
#include <tuple>
#include <vector>

#include "cli/cli.hpp"
#include "cli/cli_format.hpp"
#include "cli/cmd_render.hpp"

namespace lurus::cli {
namespace {

struct UsageOptions {
    std::string by = "model", since = "24h", until, bucket, tz;
    bool csv = false;
};

/// Usage tells one thing of each, statistics each thing of each hour or day, and who shares a team.
bool asks_statistics(const UsageOptions& options) {
    return !options.bucket.empty() || options.by == "account" || options.by == "team";
}

// The moment in front of what the first column shows.
Json with_times(Json statistics) {
    for (auto& row : statistics["data"]) {
        const std::string time = text_of(row, "time");
        if (!time.empty())
            row["name"] = time.substr(0, 16) + time.substr(time.find_last_of("+-Z")) + " " + usage_name(row);
    }
    return statistics;
}

// RFC 4180. What a spreadsheet would take for a formula has an apostrophe in front: names come from clients.
std::string csv_cell(std::string text) {
    if (!text.empty() && std::string_view("=+-@\t\r").contains(text.front())) text.insert(0, "'");
    if (text.find_first_of("\",\r\n") == std::string::npos) return text;
    std::string out = "\"";
    for (const char c : text) out.append(c == '"' ? 2 : 1, c);
    return out + '"';
}

std::string csv_of(const Json& usage) {
    constexpr std::array texts = {"time", "group", "id", "name"};
    constexpr std::array numbers = {"requests",   "errors",         "unpriced",       "input",
                                    "cache_read", "cache_write_5m", "cache_write_1h", "output",
                                    "reasoning",  "cost_nano_usd",  "avg_duration_us"};
    std::vector<std::vector<std::string>> lines(1);
    lines.front().assign(texts.begin(), texts.end());
    lines.front().insert(lines.front().end(), numbers.begin(), numbers.end());
    for (const auto& row : list_of(usage)) {
        auto& line = lines.emplace_back();
        for (const char* name : texts) line.push_back(csv_cell(text_of(row, name)));
        for (const char* name : numbers) {
            const auto number = number_of(row, name);
            line.push_back(number ? std::to_string(*number) : std::string());
        }
    }
    std::string out;
    for (const auto& line : lines) out.append(fmt::format("{}\r\n", fmt::join(line, ",")));
    return out;
}

int run_usage(Cli& cli, const UsageOptions& options) {
    std::map<std::string, std::string> query = {{"by", options.by}};
    std::optional<TimeZone> zone;
    if (!options.tz.empty()) {
        auto named = TimeZone::named(options.tz);
        if (!named) return cli.report({exit_usage, "--tz: " + named.error().message});
        zone = *std::move(named);
        query["tz"] = zone->name();
    }
    const bool statistics = asks_statistics(options);
    for (auto [option, text, name] : {std::tuple{"since", &options.since, statistics ? "from" : "since"},
                                      std::tuple{"until", &options.until, statistics ? "to" : "until"}}) {
        if (text->empty()) continue;
        const UnixMicros now = cli.clock.now();
        auto time = zone ? parse_moment(*text, now, *zone) : parse_moment(*text, now);
        if (!time)
            return cli.report(
                {exit_usage, fmt::format("--{} {}: give 15m, 24h, 7d, today, a date or RFC 3339", option, *text)});
        query[name] = format_time(*time);
    }
    if (!options.bucket.empty()) query["bucket"] = options.bucket;
    auto usage = cli.get(statistics ? "/api/v1/statistics" : "/api/v1/usage", query);
    if (!usage) return cli.report(usage.error());
    if (options.csv)
        cli.out << csv_of(*usage);
    else if (cli.json)
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
    command
        ->add_option("--tz", options->tz,
                     "Whose days, hours and dates: Europe/Berlin, local, UTC (default: UTC, `today` is local)")
        ->type_name("ZONE");
    command->add_flag("--csv", options->csv, "Comma-separated, with a line of names");
    command->footer(
        "Examples:\n"
        "  lurus usage\n"
        "  lurus usage --by key --since 7d\n"
        "  lurus usage --by team --bucket day --since 7d\n"
        "  lurus usage --by day --since 2026-11-01 --tz Europe/Berlin\n"
        "  lurus usage --by user --since 30d --csv > usage.csv");
    command->callback([&cli, options] { cli.run = [&cli, options] { return run_usage(cli, *options); }; });
}

}  // namespace lurus::cli
