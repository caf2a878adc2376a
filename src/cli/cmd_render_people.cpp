#include "cli/cli_format.hpp"
#include "cli/cmd_limits.hpp"
#include "cli/cmd_render.hpp"

namespace lurus::cli {
namespace {

std::string moment_or_dash(const Json& object, std::string_view name) {
    const auto time = parse_time(text_of(object, name));
    return time ? format_date_time(local_time(*time)) : std::string(unknown_text);
}

Cell status_of(bool disabled) {
    return disabled ? Cell("disabled", Color::red) : Cell("active", Color::green);
}

}  // namespace

std::string render_members(const Json& members, const Style& style) {
    if (members.empty()) return "Nobody yet.\n";
    Table table({{"NAME", Align::left, 16},
                 {"ROLE"},
                 {"STATUS"},
                 {"LIMITS", Align::left, 8, 3},
                 {"SINCE", Align::left, 0, 1},
                 {"ID", Align::left, 0, 2}});
    for (const auto& member : members) {
        const std::string email = text_of(member, "email");
        table.add({email.empty() ? text_of(member, "name") : email, text_of(member, "role"),
                   status_of(flag_of(member, "disabled")), own_text(member), moment_or_dash(member, "created"),
                   text_of(member, "id")});
    }
    return table.render(style);
}

std::string render_users(const Json& users, const Style& style) {
    if (users.empty()) return "Nobody yet: invite somebody with `lurus user invite EMAIL`.\n";
    Table table({{"EMAIL", Align::left, 16},
                 {"NAME", Align::left, 8, 1},
                 {"STATUS"},
                 {"SINCE", Align::left, 0, 2},
                 {"ID", Align::left, 0, 3}});
    for (const auto& user : users) {
        const std::string status = text_of(user, "status");
        const Color color = status == "active" ? Color::green : status == "invited" ? Color::yellow : Color::red;
        table.add({text_of(user, "email"), text_of(user, "name"), Cell(status, color), moment_or_dash(user, "created"),
                   text_of(user, "id")});
    }
    return table.render(style);
}

std::string render_teams(const Json& teams, const Style& style) {
    if (teams.empty()) return "No teams yet: make one with `lurus team create NAME`.\n";
    Table table({{"NAME", Align::left, 12},
                 {"MEMBERS", Align::left, 16},
                 {"LIMITS", Align::left, 8, 2},
                 {"ID", Align::left, 0, 1}});
    for (const auto& team : teams) {
        std::string names;
        for (const auto& each : member(team, "members")) names += (names.empty() ? "" : ", ") + text_of(each, "name");
        table.add({text_of(team, "name"), names, own_text(team), text_of(team, "id")});
    }
    return table.render(style);
}

std::string render_orgs(const Json& orgs, const Style& style) {
    Table table({{"NAME", Align::left, 12}, {"LIMITS", Align::left, 8, 2}, {"SINCE", Align::left, 0, 1}, {"ID"}});
    for (const auto& org : orgs)
        table.add({text_of(org, "name"), own_text(org), moment_or_dash(org, "created"), text_of(org, "id")});
    return table.render(style);
}

std::string render_audit(const Json& entries, const Style& style) {
    if (entries.empty()) return "Nothing was changed in that time.\n";
    Table table({{"TIME"},
                 {"WHO", Align::left, 12},
                 {"ACTION", Align::left, 12},
                 {"TARGET", Align::left, 12, 1},
                 {"STATUS"},
                 {"FROM", Align::left, 0, 2},
                 {"NUMBER", Align::right, 0, 3}});
    for (const auto& entry : entries) {
        const std::string who = text_of(entry, "actor_name");
        const auto status = number_of(entry, "status");
        table.add(
            {moment_or_dash(entry, "time"), who.empty() ? text_of(entry, "actor_kind") : who, text_of(entry, "action"),
             text_of(entry, "target"),
             Cell(status ? std::to_string(*status) : "not told", !status || *status >= 400 ? Color::red : Color::green),
             text_of(entry, "remote_address"), std::to_string(number_of(entry, "number").value_or(0))});
    }
    return table.render(style);
}

}  // namespace lurus::cli
