// `lurus audit`: who changed what.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <ostream>

#include "cli/cli_format.hpp"
#include "cli/cmd_action.hpp"
#include "cli/cmd_render.hpp"

namespace lurus::cli {
namespace {

int list_entries(Cli& cli, const Args& args) {
    auto query = organisation(args);
    query["limit"] = arg(args, "limit").empty() ? "50" : arg(args, "limit");
    for (const char* name : {"actor", "action", "target"}) {
        if (const auto value = arg(args, name); !value.empty()) query[name] = value;
    }
    for (const char* name : {"since", "until"}) {
        const auto value = arg(args, name);
        if (value.empty()) continue;
        const auto moment = parse_moment(value, cli.clock.now());
        if (!moment) return cli.report({exit_usage, fmt::format("--{}: '{}' is no time", name, value)});
        query[name] = format_time(*moment);
    }
    return finish_list(cli, cli.get("/api/v1/audit", query), render_audit);
}

// JSON lines as the server wrote them: their bytes are what the hashes are made of.
int export_all(Cli& cli, const Args&) {
    auto client = cli.api();
    if (!client) return cli.report(client.error());
    const auto done = (*client)->stream("/api/v1/audit/export", {}, [&](std::string_view lines) {
        cli.out << lines;
        return cli.out.good();
    });
    if (!done) return cli.report(failure_of(done.error()));
    if (done->status != 200) return cli.report(failure_of(*done));
    return cli.shown() ? static_cast<int>(exit_ok) : cli.report_unwritten("the export is not whole");
}

int verify(Cli& cli, const Args&) {
    const auto checked = cli.get("/api/v1/audit/verify");
    if (!checked) return cli.report(checked.error());
    const bool sound = flag_of(*checked, "sound");
    if (cli.json) {
        cli.print_json(*checked);
    } else if (sound) {
        cli.out << "The audit is sound: " << number_of(*checked, "entries").value_or(0) << " entries.\n";
    }
    if (sound) return exit_ok;
    return cli.json ? exit_failed : cli.report({exit_failed, text_of(*checked, "problem")});
}

}  // namespace

void add_audit_commands(CLI::App& app, Cli& cli) {
    CLI::App* audit = app.add_subcommand("audit", "Who changed what, and who signed in");
    audit->footer("Examples:\n  lurus audit list --since 24h\n  lurus audit export > audit.jsonl");
    add_action(*audit, cli,
               {"list",
                "Newest first",
                {{"--actor", "Who did it: address, name or id", {}},
                 {"--action", "An operation, such as createKey", {}},
                 {"--target", "The path, or who signed in", {}},
                 {"--since", "From: 24h, yesterday, a date, RFC 3339", {}},
                 {"--until", "Until, not included", {}},
                 {"--limit", "At most so many (default: 50)", {}}},
                "audit list --action createKey --since 7d",
                list_entries},
               true);
    add_action(*audit, cli,
               {"export",
                "All of it as JSON lines, oldest first; each line's hash covers it and the line before",
                {},
                "audit export > audit.jsonl",
                export_all},
               false);
    add_action(*audit, cli, {"verify", "Whether an entry was changed or is missing", {}, "audit verify", verify},
               false);
}

}  // namespace lurus::cli
