#include "cli/cmd_whoami.hpp"

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <ostream>

#include "cli/cli_format.hpp"
#include "core/os/terminal.hpp"

namespace lurus::cli {
namespace {

/// How somebody signed in, for people.
std::string words_of(const std::string& method) {
    if (method == "password") return "with a password";
    if (method == "ldap") return "with a directory's password";
    if (method.starts_with("oidc:")) return "at " + printable(method.substr(5));
    return method;
}

Json whoami_json(const Json& me, const ApiClient& api) {
    const ApiAccess access = api.access();
    Json org = nullptr;
    for (const auto& place : member(me, "organisations")) {
        if (text_of(place, "id") == text_of(me, "org"))
            org = {{"id", text_of(place, "id")}, {"name", text_of(place, "name")}};
    }
    Json out = {{"kind", member(me, "kind")}, {"name", member(me, "name")}, {"role", member(me, "role")}, {"org", org}};
    out["server"] = api.server_url().empty() ? Json(nullptr) : Json(api.server_url());
    out["by"] = access.by;
    out["method"] = access.login ? Json(access.login->method) : Json(nullptr);
    out["expires"] = access.login ? Json(format_time(access.login->expires)) : Json(nullptr);
    for (const char* name : {"user", "member", "permissions", "organisations", "teams"}) {
        if (me.contains(name)) out[name] = member(me, name);
    }
    return out;
}

void print_whoami(Cli& cli, const Json& who) {
    const std::string kind = text_of(who, "kind"), by = text_of(who, "by"), server = text_of(who, "server");
    if (kind == "admin_token")
        cli.out << "the admin token, which may do everything\n";
    else
        cli.out << fmt::format("{}, {}{}\n", printable(text_of(who, "name")), text_of(who, "role"),
                               who["org"].is_null() ? "" : " of " + printable(text_of(who["org"], "name")));
    if (server.empty())
        cli.out << "server: none runs; commands open the data folder themselves\n";
    else
        cli.out << "server: " << printable(server) << "\n";
    const auto expires = parse_time(text_of(who, "expires"));
    const std::string until = expires ? format_date_time(local_time(*expires)) : std::string(unknown_text);
    if (by == "login")
        cli.out << "signed in " << words_of(text_of(who, "method")) << ", until " << until << "\n";
    else if (by != "folder")
        cli.out << "by " << by << "\n";
}

}  // namespace

Outcome<Json> whoami(ApiClient& api) {
    const auto answer = api.call("GET", "/api/v1/me");
    if (!answer) return std::unexpected(failure_of(answer.error()));
    if (answer->status != 200) return std::unexpected(failure_of(*answer));
    return whoami_json(Json::parse(answer->body, nullptr, false), api);
}

int show_whoami(Cli& cli, const Outcome<Json>& who) {
    if (!who) return cli.report(who.error());
    if (cli.json)
        cli.print_json(*who);
    else
        print_whoami(cli, *who);
    return exit_ok;
}

void add_whoami_command(CLI::App& app, Cli& cli) {
    CLI::App* who = app.add_subcommand("whoami", "As whom commands act, and where");
    who->footer("Examples:\n  lurus whoami\n  lurus whoami --json | jq -r .role");
    who->callback([&cli] {
        cli.run = [&cli] {
            auto api = cli.api();
            return show_whoami(cli, api ? whoami(**api) : Outcome<Json>(std::unexpected(api.error())));
        };
    });
}

}  // namespace lurus::cli
