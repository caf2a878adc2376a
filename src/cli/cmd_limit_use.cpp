#include "cli/cmd_limit_use.hpp"

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <algorithm>
#include <memory>
#include <ostream>

#include "cli/cli_format.hpp"
#include "cli/cmd_action.hpp"
#include "cli/cmd_render.hpp"
#include "lurus/limits.hpp"

namespace lurus::cli {
namespace {

constexpr double nearly_used = 0.8;

double share_of(const Json& limit) {
    const Json& share = member(limit, "used_share");
    return share.is_number() ? share.get<double>() : 0;
}

Color color_of_share(double share) {
    if (share >= 1) return Color::red;
    return share >= nearly_used ? Color::yellow : Color::none;
}

bool is_budget(const Json& limit) {
    return text_of(limit, "limit") == "budget";
}

std::string allowed_text(const Json& limit) {
    const std::int64_t allowed = number_of(limit, "allowed").value_or(0);
    if (is_budget(limit)) return usd_text(Money{allowed}) + "/" + text_of(limit, "period");
    return format_tokens(allowed) + " " + text_of(limit, "limit");
}

std::string amount_text(const Json& limit, const char* name) {
    const std::int64_t amount = number_of(limit, name).value_or(0);
    return is_budget(limit) ? format_money(amount) : format_tokens(amount);
}

std::string reset_text(const Json& limit) {
    const auto time = parse_time(text_of(limit, "resets_at"));
    return time ? format_date_time(local_time(*time)) : std::string();
}

std::string render_limits(const Json& limits, const Style& style) {
    if (limits.empty()) return "No limits: set one with `lurus key edit NAME --rpm 60 --budget '10 USD/day'`.\n";
    Table table({{"OF"},
                 {"NAME", Align::left, 10},
                 {"LIMIT"},
                 {"USED", Align::right},
                 {"", Align::right},
                 {"LEFT", Align::right},
                 {"RESETS", Align::left, 0, 1}});
    for (const auto& limit : limits) {
        const double share = share_of(limit);
        const std::string name = text_of(limit, "name");
        table.add({text_of(limit, "subject"), name.empty() ? text_of(limit, "id") : name, allowed_text(limit),
                   amount_text(limit, "used"), Cell(fmt::format("{:.0f} %", share * 100), color_of_share(share)),
                   amount_text(limit, "remaining"), reset_text(limit)});
    }
    return table.render(style);
}

}  // namespace

Outcome<std::map<std::string, Json>> limits_by_id(Cli& cli, const std::string& subject,
                                                  std::map<std::string, std::string> query) {
    query["subject"] = subject;
    auto all = all_pages(cli, "/api/v1/limits", std::move(query));
    if (!all) return std::unexpected(all.error());
    std::map<std::string, Json> out;
    for (auto& limit : (*all)["data"]) {
        Json& of = out.try_emplace(text_of(limit, "id"), Json::array()).first->second;
        of.push_back(std::move(limit));
    }
    return out;
}

Cell limits_cell(const Json& limits) {
    std::string text;
    double most = 0;
    for (const auto& limit : limits) {
        if (!text.empty()) text += ", ";
        text += amount_text(limit, "used") + " of " + allowed_text(limit);
        most = std::max(most, share_of(limit));
    }
    return Cell(text, color_of_share(most));
}

void add_limit_use_command(CLI::App& app, Cli& cli) {
    struct Options {
        std::string of, name, org;
    };
    auto options = std::make_shared<Options>();
    CLI::App* command = app.add_subcommand("limits", "Limits and budgets, and how much of them is used");
    command->add_option("name", options->name, "Only of this key, user, team, organisation or model")
        ->type_name("NAME");
    choose(cli, command->add_option("--of", options->of, "Only limits of these"),
           {"key", "user", "team", "org", "model"});
    command->add_option("--org", options->org, "Which organisation: id or name (default: the first)")->type_name("ORG");
    command->footer("Examples:\n  lurus limits\n  lurus limits ci\n  lurus limits --of team --json");
    command->callback([&cli, options] {
        cli.run = [&cli, options] {
            auto query = organisation({{"org", options->org}});
            if (!options->of.empty()) query["subject"] = options->of;
            if (!options->name.empty()) query["name"] = options->name;
            return finish_list(cli, all_pages(cli, "/api/v1/limits", std::move(query)), render_limits);
        };
    });
}

}  // namespace lurus::cli
