// `lurus audit`: who changed what.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <algorithm>
#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "cli/cli_format.hpp"
#include "cli/cmd_action.hpp"
#include "cli/cmd_render.hpp"

namespace lurus::cli {
namespace {

bool is_id(std::string_view text) {
    return text.size() == 32 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string name_in(const Json& thing) {
    for (const char* member_name : {"email", "name", "model"}) {
        if (const std::string name = text_of(thing, member_name); !name.empty()) return name;
    }
    return {};
}

/// What ids are called: by the entries themselves, else now. What is gone and was never told keeps its id.
class TargetNames {
public:
    TargetNames(Cli& cli, const Args& args) : cli_(cli), query_(organisation(args)) {}

    void learn(const Json& entry) {
        for (const char* state : {"before", "after"}) {
            const Json& thing = member(entry, state);
            if (const std::string id = text_of(thing, "id"), name = name_in(thing); !id.empty() && !name.empty())
                names_.emplace(id, name);
        }
    }

    /// `/api/v1/keys/laptop` for `/api/v1/keys/0193...`
    std::string with_names(const std::string& target) {
        std::string out, before;
        for (std::size_t at = 0; at < target.size();) {
            const auto end = std::min(target.find('/', at + 1), target.size());
            const std::string segment = target.substr(at + 1, end - at - 1);
            out += "/" + (is_id(segment) ? name_of(segment, before) : segment);
            before = segment;
            at = end;
        }
        return out;
    }

private:
    const std::string& name_of(const std::string& id, const std::string& collection) {
        const auto [known, fresh] = names_.try_emplace(id, id);
        if (!fresh || asked_++ >= most_asked) return known->second;
        std::vector<std::string> places = {collection};
        if (collection == "members") places.emplace_back("service-accounts");
        for (const auto& place : places) {
            const auto thing = cli_.get("/api/v1/" + percent_encode(place) + "/" + id, query_);
            const std::string name = thing ? name_in(*thing) : std::string();
            if (name.empty()) continue;
            known->second = name;
            break;
        }
        return known->second;
    }

    static constexpr int most_asked = 200;
    Cli& cli_;
    const std::map<std::string, std::string> query_;
    std::map<std::string, std::string> names_;
    int asked_ = 0;
};

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
    auto entries = cli.get("/api/v1/audit", query);
    if (entries && !cli.json) {
        TargetNames names(cli, args);
        Json& list = (*entries)["data"];
        for (const auto& entry : list) names.learn(entry);
        for (auto& entry : list) {
            if (const std::string target = text_of(entry, "target"); target.starts_with('/'))
                entry["target"] = names.with_names(target);
        }
    }
    return finish_list(cli, entries, render_audit);
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
                list_entries,
                true},
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
