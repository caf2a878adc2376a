#include <fmt/format.h>

#include <CLI/App.hpp>
#include <map>
#include <memory>
#include <ostream>

#include "cli/cli.hpp"
#include "cli/cmd_render.hpp"
#include "lurus/ids.hpp"

namespace lurus::cli {
namespace {

/// The record's usage priced again, line by line; null where that cannot be had.
Json quote_for(Cli& cli, const Json& record) {
    Json usage = Json::object();
    for (const auto& [name, value] : member(record, "usage").items()) {
        if (value.is_number_integer() || name == "service_tier") usage[name] = value;
    }
    auto provider = cli.get("/api/v1/providers/" + percent_encode(text_of(record, "provider")));
    Json body = {{"model", text_of(record, "upstream_model")},
                 {"provider_kind", provider ? text_of(*provider, "kind") : std::string()},
                 {"provider", text_of(record, "provider")},
                 {"time", text_of(record, "time")},
                 {"usage", usage}};
    auto quote = cli.call("POST", "/api/v1/prices/quote", {}, body);
    return quote ? *quote : Json();
}

// A record says whose it was by an id, which stays when nobody is called so any more.
Json with_user_name(Cli& cli, Json record) {
    const std::string id = text_of(record, "member_id");
    if (id.empty()) return record;
    std::map<std::string, std::string> query;
    if (const std::string org = text_of(record, "org_id"); !org.empty()) query["org"] = org;
    for (const char* collection : {"/api/v1/members/", "/api/v1/service-accounts/"}) {
        const auto member = cli.get(collection + percent_encode(id), query);
        if (!member) continue;
        const std::string email = text_of(*member, "email");
        record["user"] = email.empty() ? text_of(*member, "name") : email;
        break;
    }
    return record;
}

int run_trace(Cli& cli, std::string id) {
    if (id == "last") {
        auto newest = cli.get("/api/v1/logs", {{"limit", "1"}});
        if (!newest) return cli.report(newest.error());
        if (list_of(*newest).empty()) return cli.report({exit_not_found, "no request was logged yet"});
        id = text_of(list_of(*newest).front(), "trace_id");
    }
    if (!Id::parse(id))
        return cli.report(
            {exit_usage,
             fmt::format("'{}' is no trace id: 32 hex digits, as in the header x-lurus-trace-id and in `lurus logs`",
                         id)});
    auto trace = cli.get("/api/v1/traces/" + percent_encode(id));
    if (!trace) return cli.report(trace.error());
    if (cli.json) {
        cli.print_json_lines(*trace);
        return exit_ok;
    }
    bool first = true;
    for (const auto& record : list_of(*trace)) {
        if (!first) cli.out << "\n";
        first = false;
        cli.out << render_trace(with_user_name(cli, record), quote_for(cli, record), cli.style);
    }
    return exit_ok;
}

}  // namespace

void add_trace_command(CLI::App& app, Cli& cli) {
    auto id = std::make_shared<std::string>();
    CLI::App* command =
        app.add_subcommand("trace", "One request: attempts, timings, usage, cost, and why this account");
    command->add_option("id", *id, "The trace id (x-lurus-trace-id), or 'last' for the newest request")
        ->required()
        ->type_name("ID");
    command->footer("Examples:\n  lurus trace last\n  lurus trace 0193a7f2c1d47c2e9b1f0a6d5e4c3b2a --json");
    command->callback([&cli, id] { cli.run = [&cli, id] { return run_trace(cli, *id); }; });
}

}  // namespace lurus::cli
