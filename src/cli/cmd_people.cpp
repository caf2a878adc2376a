// `lurus user`, `service`, `team` and `org`.
#include <CLI/App.hpp>
#include <ostream>

#include "cli/cli_format.hpp"
#include "cli/cmd_action.hpp"
#include "cli/cmd_limits.hpp"
#include "cli/cmd_render.hpp"

namespace lurus::cli {
namespace {

const std::vector<std::string> roles = {"viewer", "member", "admin", "owner"};

std::string quoted(const Args& args, const std::string& name) {
    return "'" + printable(arg(args, name)) + "'";
}

std::string path_to(const char* collection, const Args& args, const std::string& name) {
    return std::string("/api/v1/") + collection + "/" + percent_encode(arg(args, name));
}

Json people_body(const Args& args, std::initializer_list<const char*> names) {
    Json body = Json::object();
    for (const char* name : names) {
        if (const auto value = arg(args, name); !value.empty()) body[name] = value;
    }
    return body;
}

/// What a link or a mail is for is told in `sentence`.
int finish_link(Cli& cli, const Outcome<Json>& answer, const std::string& sentence) {
    if (!answer || cli.json) return finish(cli, answer, "");
    cli.out << sentence;
    if (flag_of(*answer, "mailed")) {
        cli.out << " by mail.\n";
        return exit_ok;
    }
    if (const std::string problem = text_of(*answer, "problem"); !problem.empty())
        cli.out << ", but not by mail: " << printable(problem) << ".\nHand this link over; it works once, until "
                << text_of(*answer, "expires") << ":\n\n  " << text_of(*answer, "link") << "\n\n";
    else
        cli.out << " with this link; it works once, until " << text_of(*answer, "expires") << ":\n\n  "
                << text_of(*answer, "link") << "\n\n";
    return exit_ok;
}

// With an organisation the membership in it, else the user everywhere.
int set_person_disabled(Cli& cli, const Args& args, bool disabled) {
    const bool member = !arg(args, "org").empty();
    const auto changed = cli.call("PATCH", path_to(member ? "members" : "users", args, "user"), organisation(args),
                                  {{"disabled", disabled}});
    return finish(cli, changed, quoted(args, "user") + (disabled ? " is disabled." : " is enabled."));
}

// It grows with what they did, and may be of any size.
Outcome<Json> exported_person(Cli& cli, const std::string& path) {
    auto client = cli.api();
    if (!client) return std::unexpected(client.error());
    std::string text;
    const auto done = (*client)->stream(path, {}, [&](std::string_view piece) {
        text += piece;
        return true;
    });
    if (!done) return std::unexpected(failure_of(done.error()));
    if (done->status != 200) return std::unexpected(failure_of(*done));
    Json person = Json::parse(text, nullptr, false);
    if (person.is_discarded()) return std::unexpected(Failure{exit_failed, "the export broke off"});
    return person;
}

// The person as one line, then each of their requests as one.
int export_user(Cli& cli, const Args& args) {
    const auto person = exported_person(cli, path_to("users", args, "user") + "/export");
    if (!person) return cli.report(person.error());
    cli.print_json(*person);
    for (const auto& place : member(*person, "memberships")) {
        if (!cli.shown()) return cli.report_unwritten("the export is not whole");
        std::map<std::string, std::string> query = {
            {"user", text_of(place, "id")}, {"org", text_of(place, "org")}, {"limit", "1000"}};
        for (;;) {
            const auto page = cli.get("/api/v1/logs", query);
            if (!page) return cli.report(page.error());
            cli.print_json_lines(*page);
            const auto next = number_of(*page, "next_before_id");
            if (!next) break;
            query["before_id"] = std::to_string(*next);
        }
    }
    return exit_ok;
}

void add_users(CLI::App& app, Cli& cli) {
    CLI::App* user = app.add_subcommand("user", "People: who they are, what they may do");
    user->footer("Examples:\n  lurus user invite ann@example.com --role admin\n  lurus user list");
    const Arg who{"user", "Address or id", {}};
    const Arg role{"--role", "What they may do (default: member)", roles};
    const auto add = [&](Action action, bool in_organisation = true) {
        add_action(*user, cli, std::move(action), in_organisation);
    };
    add({"list",
         "The organisation's members; --all: everybody who can sign in",
         {{"--all", "Of all organisations", {}, true}},
         "user list --json | jq -r .email",
         [](Cli& c, const Args& a) {
             return arg(a, "all").empty()
                        ? finish_list(c, all_pages(c, "/api/v1/members", organisation(a)), render_members)
                        : finish_list(c, all_pages(c, "/api/v1/users", {}), render_users);
         },
         true});
    add({"add",
         "Add somebody without an invitation",
         {{"email", "Their address", {}}, role},
         "user add ann@example.com --role viewer",
         [](Cli& c, const Args& a) {
             return finish(c, c.call("POST", "/api/v1/members", organisation(a), people_body(a, {"email", "role"})),
                           quoted(a, "email") + " is a member.");
         }});
    add({"invite",
         "Invite somebody: by mail, else with the link that this prints",
         {{"email", "Their address", {}}, role},
         "user invite ann@example.com --role admin",
         [](Cli& c, const Args& a) {
             const auto made =
                 c.call("POST", "/api/v1/auth/invitations", organisation(a), people_body(a, {"email", "role"}));
             const std::string to = made ? " to the organisation '" + printable(text_of(*made, "org_name")) + "'" : "";
             return finish_link(c, made, quoted(a, "email") + " is invited" + to);
         }});
    add({"role",
         "Change what somebody may do",
         {who, {"role", "", roles}},
         "user role ann@example.com admin",
         [](Cli& c, const Args& a) {
             return finish(c, c.call("PATCH", path_to("members", a, "user"), organisation(a), people_body(a, {"role"})),
                           quoted(a, "user") + " is " + arg(a, "role") + ".");
         }});
    add_limits_command(*user, cli,
                       {"members", "user", "Limits for all keys of a member together, and models; the rest stays",
                        "user edit ann@example.com"});
    add({"remove",
         "Take somebody out of the organisation, and revoke their keys",
         {who},
         "user remove ann@example.com",
         [](Cli& c, const Args& a) {
             return finish(c, c.call("DELETE", path_to("members", a, "user"), organisation(a)),
                           quoted(a, "user") + " is removed.");
         },
         true});
    add({"disable",
         "Refuse somebody and their keys everywhere; with --org in that organisation",
         {who},
         "user disable ann@example.com",
         [](Cli& c, const Args& a) { return set_person_disabled(c, a, true); },
         true});
    add({"enable", "Take somebody back", {who}, "user enable ann@example.com", [](Cli& c, const Args& a) {
             return set_person_disabled(c, a, false);
         }});
    add({"reset-password",
         "Let somebody choose a new password: by mail, else with the link that this prints",
         {who},
         "user reset-password ann@example.com",
         [](Cli& c, const Args& a) {
             return finish_link(c, c.call("POST", "/api/v1/auth/password/reset-link", {}, {{"user", arg(a, "user")}}),
                                quoted(a, "user") + " can choose a new password");
         }},
        false);
    add({"reset-second-factor",
         "Remove the second factor that somebody has lost: they are told, and signed out",
         {who},
         "user reset-second-factor ann@example.com",
         [](Cli& c, const Args& a) {
             const auto answer = c.call("POST", "/api/v1/auth/totp/reset", organisation(a), {{"user", arg(a, "user")}});
             const bool mailed = answer && flag_of(*answer, "mailed");
             return finish(c, answer,
                           quoted(a, "user") + " has no second factor any more and is signed out" +
                               (mailed ? "; a mail tells them." : "; tell them: there is no mail here."));
         }});
    add({"export",
         "All that is kept of somebody, as JSON lines: the person, then each request",
         {who},
         "user export ann@example.com > ann.jsonl",
         export_user},
        false);
    add({"erase",
         "Erase somebody for good: name, address, credentials, keys; records keep an id",
         {who},
         "user erase ann@example.com",
         [](Cli& c, const Args& a) {
             return finish(c, c.call("DELETE", path_to("users", a, "user")), quoted(a, "user") + " is erased.");
         }},
        false);
}

void add_services(CLI::App& app, Cli& cli) {
    CLI::App* service =
        app.add_subcommand("service", "The server as a service of this machine; service accounts (programs)");
    service->footer(
        "Examples:\n"
        "  sudo lurus service install && sudo lurus service start\n"
        "  lurus service status\n"
        "  lurus service add deploy --role admin\n"
        "  lurus service token deploy --scope read_keys");
    const Arg name{"name", "Its name", {}};
    const auto add = [&](Action action) { add_action(*service, cli, std::move(action), true); };
    const auto disable = [](bool disabled) {
        return [disabled](Cli& c, const Args& a) {
            return finish(
                c, c.call("PATCH", path_to("service-accounts", a, "name"), organisation(a), {{"disabled", disabled}}),
                quoted(a, "name") + (disabled ? " is disabled." : " is enabled."));
        };
    };
    add({"list",
         "All of the organisation",
         {},
         "service list",
         [](Cli& c, const Args& a) {
             return finish_list(c, all_pages(c, "/api/v1/service-accounts", organisation(a)), render_members);
         },
         true});
    add({"add",
         "Make one",
         {name, {"--role", "What it may do (default: member)", roles}},
         "service add deploy --role admin",
         [](Cli& c, const Args& a) {
             return finish(
                 c, c.call("POST", "/api/v1/service-accounts", organisation(a), people_body(a, {"name", "role"})),
                 quoted(a, "name") + " was made.");
         }});
    add({"role",
         "Change what it may do",
         {name, {"role", "", roles}},
         "service role deploy viewer",
         [](Cli& c, const Args& a) {
             return finish(
                 c, c.call("PATCH", path_to("service-accounts", a, "name"), organisation(a), people_body(a, {"role"})),
                 quoted(a, "name") + " is " + arg(a, "role") + ".");
         }});
    add_limits_command(*service, cli,
                       {"service-accounts", "name", "Limits for all its keys together, and models; the rest stays",
                        "service edit deploy"});
    add({"token",
         "A signed token that works for an hour at most, for some permissions",
         {name, {"--scope", "Permissions, with commas between them (default: read_keys,read_records)", {}}},
         "service token deploy --scope read_keys,change_keys",
         [](Cli& c, const Args& a) {
             const auto account = c.get(path_to("service-accounts", a, "name"), organisation(a));
             if (!account) return c.report(account.error());
             std::string scope = arg(a, "scope").empty() ? "read_keys,read_records" : arg(a, "scope");
             Json body = {{"service_account", text_of(*account, "id")}, {"scope", Json::array()}, {"expires_in", 3600}};
             for (scope += ','; !scope.empty(); scope.erase(0, scope.find(',') + 1))
                 body["scope"].push_back(scope.substr(0, scope.find(',')));
             const auto token = c.call("POST", "/api/v1/auth/service-token", organisation(a), body);
             return finish(c, token, token ? text_of(*token, "access_token") : "");
         },
         true});
    add({"disable", "Refuse it and its keys", {name}, "service disable deploy", disable(true), true});
    add({"enable", "Take it back", {name}, "service enable deploy", disable(false)});
    add({"remove",
         "Remove it, and revoke its keys",
         {name},
         "service remove deploy",
         [](Cli& c, const Args& a) {
             return finish(c, c.call("DELETE", path_to("service-accounts", a, "name"), organisation(a)),
                           quoted(a, "name") + " is removed.");
         },
         true});
    for (CLI::App* command : service->get_subcommands([](CLI::App*) { return true; }))
        command->group("Service accounts: programs that use the management API");
}

void add_teams(CLI::App& app, Cli& cli) {
    CLI::App* team = app.add_subcommand("team", "Teams: members whose keys share limits");
    team->footer("Examples:\n  lurus team create red\n  lurus team add red ann@example.com");
    const Arg name{"team", "Name or id", {}}, member{"member", "Address, or a service account's name", {}};
    const auto add = [&](Action action) { add_action(*team, cli, std::move(action), true); };
    const auto membership = [](const char* method, const char* done) {
        return [method, done](Cli& c, const Args& a) {
            const std::string path = path_to("teams", a, "team") + "/members/" + percent_encode(arg(a, "member"));
            return finish(c, c.call(method, path, organisation(a)),
                          quoted(a, "member") + done + quoted(a, "team") + ".");
        };
    };
    add({"list", "All teams with their members", {}, "team list", [](Cli& c, const Args& a) {
             return finish_list(c, all_pages(c, "/api/v1/teams", organisation(a)), render_teams);
         }});
    add({"create", "Make a team", {{"name", "What it is called", {}}}, "team create red", [](Cli& c, const Args& a) {
             return finish(c, c.call("POST", "/api/v1/teams", organisation(a), people_body(a, {"name"})),
                           "Team " + quoted(a, "name") + " was made.");
         }});
    add({"rename",
         "Call it something else",
         {name, {"name", "The new name", {}}},
         "team rename red blue",
         [](Cli& c, const Args& a) {
             return finish(c, c.call("PATCH", path_to("teams", a, "team"), organisation(a), people_body(a, {"name"})),
                           "Team " + quoted(a, "team") + " is " + quoted(a, "name") + " now.");
         }});
    add_limits_command(
        *team, cli,
        {"teams", "team", "Limits for all keys of a team together, and models; the rest stays", "team edit red"});
    add({"add",
         "Put somebody into a team",
         {name, member},
         "team add red ann@example.com",
         membership("PUT", " is in ")});
    add({"take",
         "Take somebody out of a team",
         {name, member},
         "team take red ann@example.com",
         membership("DELETE", " is no more in ")});
    add({"remove", "Remove a team; its members and keys stay", {name}, "team remove red", [](Cli& c, const Args& a) {
             return finish(c, c.call("DELETE", path_to("teams", a, "team"), organisation(a)),
                           "Team " + quoted(a, "team") + " is removed.");
         }});
}

// An owner whom nobody knows yet may be a slip of the pen, and cannot sign in before they have a link.
std::string owner_hint(Cli& cli, const Args& args) {
    if (arg(args, "owner").empty()) return {};
    const auto owner = cli.get(path_to("users", args, "owner"));
    if (!owner || text_of(*owner, "status") != "invited") return {};
    return " " + quoted(args, "owner") + " has never signed in here; a link for them: lurus user invite " +
           arg(args, "owner") + " --role owner --org " + arg(args, "name");
}

void add_orgs(CLI::App& app, Cli& cli) {
    CLI::App* org = app.add_subcommand("org", "Organisations: nothing of one is seen by another");
    org->footer("Examples:\n  lurus org create acme --owner boss@acme.example\n  lurus user list --org acme");
    const Arg name{"org", "Name or id", {}};
    const auto add = [&](Action action) { add_action(*org, cli, std::move(action), false); };
    add({"list", "All organisations", {}, "org list", [](Cli& c, const Args&) {
             return finish_list(c, all_pages(c, "/api/v1/orgs", {}), render_orgs);
         }});
    add({"create",
         "Make an organisation",
         {{"name", "a-z, 0-9 and -", {}}, {"--owner", "The address of who owns it", {}}},
         "org create acme --owner boss@acme.example",
         [](Cli& c, const Args& a) {
             const auto made = c.call("POST", "/api/v1/orgs", {}, people_body(a, {"name", "owner"}));
             return finish(c, made,
                           "Organisation " + quoted(a, "name") + " was made." + (made ? owner_hint(c, a) : ""));
         }});
    add({"rename",
         "Call it something else",
         {name, {"name", "The new name", {}}},
         "org rename acme acme-labs",
         [](Cli& c, const Args& a) {
             return finish(c, c.call("PATCH", path_to("orgs", a, "org"), {}, people_body(a, {"name"})),
                           "Organisation " + quoted(a, "org") + " is " + quoted(a, "name") + " now.");
         }});
    add_limits_command(*org, cli,
                       {"orgs", "org", "Limits for all keys of an organisation together, and models; the rest stays",
                        "org edit acme", false});
    add({"remove",
         "Remove an organisation: its members and keys count no more, its records stay",
         {name},
         "org remove acme",
         [](Cli& c, const Args& a) {
             return finish(c, c.call("DELETE", path_to("orgs", a, "org")),
                           "Organisation " + quoted(a, "org") + " is removed.");
         }});
}

}  // namespace

void add_people_commands(CLI::App& app, Cli& cli) {
    add_users(app, cli);
    add_services(app, cli);
    add_teams(app, cli);
    add_orgs(app, cli);
}

}  // namespace lurus::cli
