#include <fmt/format.h>

#include <CLI/App.hpp>
#include <algorithm>
#include <memory>
#include <ostream>

#include "cli/cli.hpp"
#include "cli/cli_format.hpp"
#include "cli/cmd_logs.hpp"
#include "cli/cmd_render.hpp"
#include "core/os/terminal.hpp"

namespace lurus::cli {
namespace {

constexpr int page_limit = 1000;
constexpr int poll_ms = 500;

/// Newest first, as many as asked for, page by page.
Outcome<std::vector<Json>> fetch_records(Cli& cli, std::map<std::string, std::string> query, int limit) {
    std::vector<Json> out;
    while (limit > 0) {
        query["limit"] = std::to_string(std::min(limit, page_limit));
        auto page = cli.get("/api/v1/logs", query);
        if (!page) return std::unexpected(page.error());
        const Json& rows = list_of(*page);
        for (const auto& row : rows) out.push_back(row);
        limit -= static_cast<int>(rows.size());
        auto next = number_of(*page, "next_before_id");
        if (!next || rows.empty()) break;
        query["before_id"] = std::to_string(*next);
    }
    return out;
}

void print_page(Cli& cli, const std::vector<Json>& records) {
    if (cli.json) {
        for (const auto& record : records) cli.print_json(record);
        return;
    }
    if (records.empty()) {
        cli.out << "No requests match.\n";
        return;
    }
    Table table = log_table();
    LocalTime now = local_time(cli.clock.now());
    for (const auto& record : records) table.add(log_row(record, now));
    cli.out << table.render(cli.style);
}

}  // namespace

LogTail::LogTail(Cli& cli, std::map<std::string, std::string> query)
    : cli_(cli), query_(std::move(query)), table_(log_table()) {}

Outcome<void> LogTail::start(int count) {
    auto records = fetch_records(cli_, query_, std::max(count, 1));
    if (!records) return std::unexpected(records.error());
    std::reverse(records->begin(), records->end());
    if (!records->empty()) last_id_ = number_of(records->back(), "id").value_or(0);
    if (count <= 0) records->clear();
    if (!cli_.json) {
        LocalTime now = local_time(cli_.clock.now());
        // A row of usual lengths keeps the columns from starting too narrow for what is to come.
        table_.add({"00:00:00", "claude-sonnet-4-5-20250929", "anthropic", "claude-code", "200", "999.9k", "999.9k",
                    "99.9k", "$0.000000", "99.9s", "9m59s", "claude-cli/2.1.329", std::string(32, '0')});
        for (const auto& record : *records) table_.add(log_row(record, now));
        widths_ = table_.layout(cli_.style);
        cli_.out << table_.header(widths_, cli_.style);
    }
    for (const auto& record : *records) print(record);
    cli_.out.flush();
    return {};
}

Outcome<void> LogTail::poll() {
    while (true) {
        auto query = query_;
        query["after_id"] = std::to_string(last_id_);
        query["limit"] = std::to_string(page_limit);
        auto page = cli_.get("/api/v1/logs", query);
        if (!page) return std::unexpected(page.error());
        const Json& rows = list_of(*page);
        for (const auto& record : rows) {
            last_id_ = std::max(last_id_, number_of(record, "id").value_or(last_id_));
            print(record);
        }
        cli_.out.flush();
        if (rows.size() < page_limit) return {};
    }
}

void LogTail::print(const Json& record) {
    if (cli_.json)
        cli_.print_json(record);
    else
        cli_.out << table_.line(log_row(record, local_time(cli_.clock.now())), widths_, cli_.style);
}

namespace {

/// A folder that no server holds does not change: it is let go of, so that a server finds it free, and one is waited
/// for.
bool lets_go_of_folder(Cli& cli) {
    auto api = cli.api();
    if (api && !(*api)->server_url().empty()) return false;
    cli.reopen();
    return true;
}

int follow(Cli& cli, const std::map<std::string, std::string>& query, int count) {
    InterruptGuard guard;
    LogTail tail(cli, query);
    if (auto started = tail.start(count); !started) return cli.report(started.error());
    bool waiting = lets_go_of_folder(cli);
    if (waiting) cli.err << "lurus: no server is running; waiting for one\n";
    while (!InterruptGuard::interrupted() && cli.out) {
        InterruptGuard::sleep_ms(poll_ms);
        if (InterruptGuard::interrupted() || (waiting && !cli.server_expected())) continue;
        auto polled = tail.poll();
        if (polled) {
            waiting = lets_go_of_folder(cli);
        } else if (polled.error().exit == exit_unreachable) {
            if (!waiting) cli.report({exit_unreachable, polled.error().message + " (waiting for it to come back)"});
            waiting = true;
            cli.reopen();
        } else {
            return cli.report(polled.error());
        }
    }
    return exit_ok;
}

struct LogsOptions {
    std::map<std::string, std::string> filters;
    std::string since, until;
    bool follow = false;
    int limit = -1;
};

int run_logs(Cli& cli, LogsOptions& options) {
    auto query = options.filters;
    for (auto it = query.begin(); it != query.end();) it = it->second.empty() ? query.erase(it) : std::next(it);
    for (auto [name, text] : {std::pair{"since", &options.since}, {"until", &options.until}}) {
        if (text->empty()) continue;
        auto time = parse_moment(*text, cli.clock.now());
        if (!time)
            return cli.report(
                {exit_usage, fmt::format("--{} {}: give 15m, 24h, 7d, today, a date or RFC 3339", name, *text)});
        query[name] = format_time(*time);
    }
    if (options.follow) return follow(cli, query, options.limit >= 0 ? options.limit : 10);
    auto records = fetch_records(cli, query, options.limit >= 0 ? options.limit : 50);
    if (!records) return cli.report(records.error());
    print_page(cli, *records);
    return exit_ok;
}

}  // namespace

void add_logs_command(CLI::App& app, Cli& cli) {
    auto options = std::make_shared<LogsOptions>();
    CLI::App* command = app.add_subcommand("logs", "Requests, newest first; -f follows them as they end");
    command->add_flag("-f,--follow", options->follow, "Print new requests as they end, until Ctrl-C");
    command->add_option("-n,--limit", options->limit, "How many (default 50; 10 before following)")
        ->type_name("N")
        ->check(CLI::Range(0, 10'000'000));
    auto filter = [&](const char* option, const char* name, const char* what) {
        return command->add_option(option, options->filters[name], what)->group("Filters");
    };
    filter("--model", "model", "As the client named it")->type_name("MODEL");
    filter("--upstream-model", "upstream_model", "As the vendor was asked")->type_name("MODEL");
    filter("--provider", "provider", "Who answered")->type_name("NAME");
    filter("--account", "account", "Which credential")->type_name("NAME");
    filter("--route", "route", "Which route matched")->type_name("NAME");
    filter("--key", "key", "The key's name")->type_name("NAME");
    filter("--user", "user", "The key's owner")->type_name("NAME");
    filter("--client", "client", "The user agent")->type_name("TEXT");
    filter("--session", "session", "The client's session")->type_name("ID");
    filter("--status", "status", "The HTTP status that the client got")->type_name("N");
    choose(cli, filter("--dialect", "dialect", "The client's dialect"),
           {"anthropic", "openai-chat", "openai-responses", "openai", "gemini"});
    choose(cli, filter("--end", "end", "How it ended"), {"complete", "client_gone", "upstream_cut", "error"});
    choose(cli, filter("--stream", "stream", "Streamed or not"), {"true", "false"});
    command->add_option("--since", options->since, "From: 15m, 24h, 7d, today, a date, RFC 3339")
        ->type_name("WHEN")
        ->group("Filters");
    command->add_option("--until", options->until, "Before")->type_name("WHEN")->group("Filters");
    command->footer(
        "Examples:\n"
        "  lurus logs -f\n"
        "  lurus logs --since 1h --end error\n"
        "  lurus logs --key laptop --limit 200\n"
        "  lurus logs --json --limit 1000 | jq .cost_nano_usd");
    command->callback([&cli, options] { cli.run = [&cli, options] { return run_logs(cli, *options); }; });
}

}  // namespace lurus::cli
