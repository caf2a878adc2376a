#include <fmt/format.h>

#include <CLI/App.hpp>
#include <memory>
#include <ostream>

#include "cli/cli.hpp"
#include "cli/cli_format.hpp"
#include "cli/cmd_action.hpp"
#include "cli/cmd_key_rules.hpp"
#include "cli/cmd_limit_use.hpp"
#include "cli/cmd_render.hpp"

namespace lurus::cli {
namespace {

struct KeyOptions {
    std::string name, note, expires, expires_after, user, team, org;
    std::vector<std::string> models, families, tags;
    KeyRuleOptions rules;
};

Json key_body(const KeyOptions& options) {
    Json body = Json::object();
    if (!options.note.empty()) body["note"] = options.note;
    if (!options.expires.empty()) body["expires"] = options.expires;
    if (!options.expires_after.empty()) body["expires_after"] = options.expires_after;
    for (const auto& [name, value] : {std::pair("user", &options.user), std::pair("team", &options.team)}) {
        if (!value->empty()) body[name] = *value == "none" ? Json(nullptr) : Json(*value);
    }
    if (!options.tags.empty()) {
        const bool none = options.tags.size() == 1 && options.tags.front() == "none";
        body["tags"] = none ? Json::array() : Json(options.tags);
    }
    add_texts(body, "models", options.models);
    if (!options.families.empty()) body["families"] = options.families;
    add_rules(body, options.rules);
    return body;
}

// Nobody can ever use a key that nobody has seen.
int take_back(Cli& cli, const std::string& id, const std::string& org) {
    const auto gone = cli.call("DELETE", "/api/v1/keys/" + percent_encode(id), organisation({{"org", org}}));
    if (gone) return cli.report_unwritten("the new key was revoked again, since it can be shown only once");
    return cli.report_unwritten("a key was made that nobody has seen: lurus key revoke " + id);
}

int create(Cli& cli, const KeyOptions& options) {
    Json body = key_body(options);
    body["name"] = options.name;
    auto created = cli.call("POST", "/api/v1/keys", organisation({{"org", options.org}}), body);
    if (!created) return cli.report(created.error());
    if (cli.json)
        cli.print_json(*created);
    else
        cli.out << "Key '" << printable(options.name) << "' was made. It is shown this once:\n\n  "
                << colored(text_of(*created, "key"), Color::bold, cli.style.color) << "\n\n";
    return cli.shown() ? static_cast<int>(exit_ok) : take_back(cli, text_of(*created, "id"), options.org);
}

int list_keys(Cli& cli, const Args& args) {
    auto query = organisation(args);
    for (const auto& [option, name] :
         {std::pair("search", "q"), std::pair("tag", "tag"), std::pair("user", "user"), std::pair("team", "team")}) {
        if (const auto value = arg(args, option); !value.empty()) query[name] = value;
    }
    auto keys = all_pages(cli, "/api/v1/keys", std::move(query));
    if (!keys) return cli.report(keys.error());
    auto limits = limits_by_id(cli, "key", organisation(args));
    if (!limits) return cli.report(limits.error());
    for (auto& key : (*keys)["data"]) {
        const auto found = limits->find(text_of(key, "id"));
        key["limits"] = found == limits->end() ? Json::array() : std::move(found->second);
    }
    return finish_list(cli, keys, render_keys);
}

std::string one_text(const Json& value) {
    if (value.is_string()) return value.get<std::string>();
    if (!value.is_array()) return value.dump();
    std::string out;
    for (const auto& each : value) out += (out.empty() ? "" : ", ") + one_text(each);
    return out;
}

int show_key(Cli& cli, const Args& args) {
    const auto key = cli.get("/api/v1/keys/" + percent_encode(arg(args, "key")), organisation(args));
    if (!key) return cli.report(key.error());
    if (cli.json) {
        cli.print_json(*key);
        return exit_ok;
    }
    for (const auto& [name, value] : key->items()) {
        if (value.is_null() || (value.is_structured() && value.empty()) || value == "") continue;
        if (!value.is_object()) {
            cli.out << name << ": " << printable(one_text(value)) << "\n";
            continue;
        }
        for (const auto& [part, of_it] : value.items())
            cli.out << name << "." << part << ": " << printable(one_text(of_it)) << "\n";
    }
    return exit_ok;
}

int rotate(Cli& cli, const Args& args) {
    Json body = Json::object();
    if (const auto overlap = arg(args, "overlap"); !overlap.empty()) body["overlap"] = overlap;
    if (!arg(args, "only-new").empty()) body["only_new"] = true;
    auto rotated =
        cli.call("POST", "/api/v1/keys/" + percent_encode(arg(args, "key")) + "/rotate", organisation(args), body);
    if (!rotated) return cli.report(rotated.error());
    const std::string old = old_values_text(*rotated);
    if (cli.json)
        cli.print_json(*rotated);
    else
        cli.out << "Key '" << printable(arg(args, "key")) << "' has a new value. It is shown this once:\n\n  "
                << colored(text_of(*rotated, "key"), Color::bold, cli.style.color) << "\n\n"
                << (old.empty() ? "The old one is refused from now on" : "Taken still: " + old) << ".\n";
    if (cli.shown()) return exit_ok;
    return cli.report_unwritten("the new value is lost, and " +
                                (old.empty() ? std::string("the old one is refused") : "taken still: " + old) +
                                ": lurus key rotate " + text_of(*rotated, "id"));
}

int revoke(Cli& cli, const Args& args) {
    const std::string name = arg(args, "key");
    auto gone = cli.call("DELETE", "/api/v1/keys/" + percent_encode(name), organisation(args));
    if (!gone) return cli.report(gone.error());
    if (cli.json)
        cli.print_json({{"revoked", name}});
    else
        cli.out << "Key '" << printable(name) << "' is revoked.\n";
    return exit_ok;
}

int edit_key(Cli& cli, const KeyOptions& options) {
    auto changed = cli.call("PATCH", "/api/v1/keys/" + percent_encode(options.name),
                            organisation({{"org", options.org}}), key_body(options));
    if (!changed) return cli.report(changed.error());
    if (cli.json)
        cli.print_json(*changed);
    else
        cli.out << "Key '" << printable(options.name) << "' is changed.\n";
    return exit_ok;
}

int set_key_disabled(Cli& cli, const Args& args, bool disabled) {
    const std::string name = arg(args, "key");
    auto changed =
        cli.call("PATCH", "/api/v1/keys/" + percent_encode(name), organisation(args), {{"disabled", disabled}});
    if (!changed) return cli.report(changed.error());
    if (cli.json)
        cli.print_json(*changed);
    else
        cli.out << "Key '" << printable(name) << "' is " << text_of(*changed, "status") << ".\n";
    return exit_ok;
}

void add_common(CLI::App& command, Cli& cli, KeyOptions& options) {
    command.add_option("--note", options.note, "For people")->type_name("TEXT");
    command.add_option("--expires", options.expires, "When it stops working: 30d, 2027-01-31, RFC 3339, never")
        ->type_name("WHEN");
    command.add_option("--expires-after", options.expires_after, "How long it works from its first use: 30d, never")
        ->type_name("DURATION");
    command.add_option("--user", options.user, "Whose key it is: address, or a service account's name; none")
        ->type_name("USER");
    command.add_option("--team", options.team, "The team whose limits it shares; none")->type_name("TEAM");
    command.add_option("--tag", options.tags, "For finding it; repeatable; none")
        ->type_name("TAG")
        ->allow_extra_args(false);
    command.add_option("--org", options.org, "Which organisation: id or name (default: the first)")->type_name("ORG");
    command.add_option("--model", options.models, "Only these models: names or globs; repeatable; none")
        ->type_name("MODEL")
        ->allow_extra_args(false);
    choose(
        cli,
        command.add_option("--family", options.families, "Only this kind of API; repeatable")->allow_extra_args(false),
        {"anthropic", "openai", "gemini"});
    add_rule_options(command, cli, options.rules);
}

void add_key_edit(CLI::App& key, Cli& cli) {
    auto options = std::make_shared<KeyOptions>();
    CLI::App* command = key.add_subcommand("edit", "Change a stored key's rules and limits; the rest stays");
    command->add_option("key", options->name, "Its name or id")->required()->type_name("NAME");
    add_common(*command, cli, *options);
    command->footer(
        "Examples:\n"
        "  lurus key edit laptop --rpm 60 --budget '5 USD/day'\n"
        "  lurus key edit laptop --rpm 0 --ip none");
    command->callback([&cli, options] { cli.run = [&cli, options] { return edit_key(cli, *options); }; });
}

void add_create(CLI::App& key, Cli& cli) {
    auto options = std::make_shared<KeyOptions>();
    CLI::App* command = key.add_subcommand("create", "Make a key; it is shown this once");
    command->add_option("--name", options->name, "What it is called in logs and usage")->required()->type_name("NAME");
    add_common(*command, cli, *options);
    command->footer(
        "Examples:\n"
        "  lurus key create --name laptop\n"
        "  lurus key create --name ci --expires 30d --model 'claude-*' --json\n"
        "  lurus key create --name intern --rpm 60 --concurrency 2 --budget '5 USD/day'");
    command->callback([&cli, options] { cli.run = [&cli, options] { return create(cli, *options); }; });
}

}  // namespace

void add_key_commands(CLI::App& app, Cli& cli) {
    CLI::App* key = app.add_subcommand("key", "Keys that clients present");
    key->footer("Examples:\n  lurus key create --name laptop\n  lurus key list");
    add_create(*key, cli);
    add_key_edit(*key, cli);
    add_action(*key, cli,
               {"list",
                "All keys (never the keys themselves)",
                {{"--search", "With this text in the name, note, hint or a tag", {}},
                 {"--tag", "With this tag", {}},
                 {"--user", "Of this member or service account; none = the organisation's own", {}},
                 {"--team", "Of this team", {}}},
                "key list\n  lurus key list --json | jq -r .name",
                list_keys,
                true},
               true);
    add_action(*key, cli,
               {"show",
                "One key: its rules and limits, and which of them an administrator set",
                {{"key", "Its name or id", {}}},
                "key show laptop",
                show_key},
               true);
    add_action(*key, cli,
               {"rotate",
                "Give a key a new value; the old one is taken for a while",
                {{"key", "Its name or id", {}},
                 {"--overlap", "How long: 24h, 0s (default: 1d)", {}},
                 {"--only-new", "Refuse all old ones at once, also those of earlier rotations", {}, true}},
                "key rotate laptop --overlap 2h\n  lurus key rotate laptop --only-new",
                rotate,
                true},
               true);
    const Arg named{"key", "Its name or id", {}};
    add_action(*key, cli,
               {"revoke",
                "Revoke a key for good",
                {named},
                "key revoke laptop\n  lurus key revoke ci --org acme",
                revoke,
                true},
               true);
    add_action(*key, cli,
               {"disable",
                "Refuse a key until it is enabled again",
                {named},
                "key disable laptop",
                [](Cli& c, const Args& a) { return set_key_disabled(c, a, true); },
                true},
               true);
    add_action(*key, cli,
               {"enable",
                "Accept a disabled key again",
                {named},
                "key enable laptop",
                [](Cli& c, const Args& a) { return set_key_disabled(c, a, false); }},
               true);
}

}  // namespace lurus::cli
