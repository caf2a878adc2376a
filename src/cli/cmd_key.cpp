#include <fmt/format.h>

#include <CLI/App.hpp>
#include <memory>
#include <ostream>

#include "cli/cli.hpp"
#include "cli/cli_format.hpp"
#include "cli/cmd_action.hpp"
#include "cli/cmd_key_rules.hpp"
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
    if (!options.models.empty()) body["models"] = options.models;
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
         {std::pair("search", "q"), std::pair("tag", "tag"), std::pair("user", "owner"), std::pair("team", "team")}) {
        if (const auto value = arg(args, option); !value.empty()) query[name] = value;
    }
    return finish_list(cli, all_pages(cli, "/api/v1/keys", std::move(query)), render_keys);
}

int rotate(Cli& cli, const Args& args) {
    const std::string overlap = arg(args, "overlap").empty() ? "1d" : arg(args, "overlap");
    auto rotated = cli.call("POST", "/api/v1/keys/" + percent_encode(arg(args, "key")) + "/rotate", organisation(args),
                            {{"overlap", overlap}});
    if (!rotated) return cli.report(rotated.error());
    const std::string until = text_of(*rotated, "old_value_until");
    if (cli.json)
        cli.print_json(*rotated);
    else
        cli.out << "Key '" << printable(arg(args, "key")) << "' has a new value. It is shown this once:\n\n  "
                << colored(text_of(*rotated, "key"), Color::bold, cli.style.color) << "\n\nThe old one "
                << (until.empty() ? "is refused from now on" : "is taken until " + until) << ".\n";
    if (cli.shown()) return exit_ok;
    return cli.report_unwritten("the new value is lost, and the old one " +
                                (until.empty() ? "is refused" : "is taken until " + until) + ": lurus key rotate " +
                                text_of(*rotated, "id"));
}

int revoke(Cli& cli, const std::string& name) {
    auto gone = cli.call("DELETE", "/api/v1/keys/" + percent_encode(name));
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

int set_key_disabled(Cli& cli, const std::string& name, const Json& change) {
    auto changed = cli.call("PATCH", "/api/v1/keys/" + percent_encode(name), {}, change);
    if (!changed) return cli.report(changed.error());
    if (cli.json)
        cli.print_json(*changed);
    else
        cli.out << "Key '" << printable(name) << "' is " << text_of(*changed, "status") << ".\n";
    return exit_ok;
}

void add_common(CLI::App& command, Cli& cli, KeyOptions& options) {
    command.add_option("--note", options.note, "For people")->type_name("TEXT");
    command.add_option("--expires", options.expires, "When it stops working: 30d, 2027-01-31, RFC 3339")
        ->type_name("WHEN");
    command.add_option("--expires-after", options.expires_after, "How long it works from its first use: 30d")
        ->type_name("DURATION");
    command.add_option("--user", options.user, "Whose key it is: address, or a service account's name; none")
        ->type_name("USER");
    command.add_option("--team", options.team, "The team whose limits it shares; none")->type_name("TEAM");
    command.add_option("--tag", options.tags, "For finding it; repeatable; none")
        ->type_name("TAG")
        ->allow_extra_args(false);
    command.add_option("--org", options.org, "Which organisation: id or name (default: the first)")->type_name("ORG");
    command.add_option("--model", options.models, "Only these models: names or globs; repeatable")
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

void add_named(CLI::App& key, Cli& cli, const char* name, const char* description,
               int (*act)(Cli&, const std::string&)) {
    auto which = std::make_shared<std::string>();
    CLI::App* command = key.add_subcommand(name, description);
    command->add_option("key", *which, "Its name or id")->required()->type_name("NAME");
    command->footer(fmt::format("Examples:\n  lurus key {} laptop", name));
    command->callback([&cli, which, act] { cli.run = [&cli, which, act] { return act(cli, *which); }; });
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
                list_keys},
               true);
    add_action(*key, cli,
               {"rotate",
                "Give a key a new value; the old one is taken for a while",
                {{"key", "Its name or id", {}}, {"--overlap", "How long: 24h, 0s (default: 1d)", {}}},
                "key rotate laptop --overlap 2h",
                rotate},
               true);
    add_named(*key, cli, "revoke", "Revoke a key for good", revoke);
    add_named(*key, cli, "disable", "Refuse a key until it is enabled again",
              [](Cli& c, const std::string& name) { return set_key_disabled(c, name, {{"disabled", true}}); });
    add_named(*key, cli, "enable", "Accept a disabled key again",
              [](Cli& c, const std::string& name) { return set_key_disabled(c, name, {{"disabled", false}}); });
}

}  // namespace lurus::cli
