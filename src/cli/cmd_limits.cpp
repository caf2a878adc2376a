#include "cli/cmd_limits.hpp"

#include <array>
#include <memory>
#include <ostream>

#include "cli/cli_format.hpp"
#include "cli/cmd_action.hpp"
#include "core/text/human_number.hpp"
#include "lurus/limits.hpp"

namespace lurus::cli {
namespace {

struct Amount {
    const char* name;
    std::optional<std::int64_t> LimitOptions::* value;
    const char* description;
};
constexpr std::array<Amount, 5> amounts = {{
    {"rpm", &LimitOptions::rpm, "Requests a minute, such as 60 or 1.5k; 0 = no limit"},
    {"tpm", &LimitOptions::tpm, "Tokens a minute, in and out, such as 100k; 0 = no limit"},
    {"itpm", &LimitOptions::itpm, "Tokens in a minute; 0 = no limit"},
    {"otpm", &LimitOptions::otpm, "Tokens out a minute; 0 = no limit"},
    {"concurrency", &LimitOptions::concurrency, "Requests being answered at once; 0 = no limit"},
}};

std::string plain_amount(std::string& given) {
    const auto number = given == "none" ? std::optional<std::int64_t>(0) : human_number(given, max_limit);
    if (!number) {
        return "'" + printable(given) + "' is no whole number from 0 to " + std::to_string(max_limit) +
               "; 100k and 1.5M are";
    }
    given = std::to_string(*number);
    return {};
}

void add_text(Json& body, const char* name, const std::string& value) {
    if (!value.empty()) body[name] = value == "none" ? Json(nullptr) : Json(value);
}

struct Edit {
    Limited limited;
    std::string name, org;
    LimitOptions limits;
    std::vector<std::string> models, deny_models;
};

int edit_limits(Cli& cli, const Edit& wanted) {
    Json body = Json::object();
    add_limits(body, wanted.limits);
    add_texts(body, "models", wanted.models);
    add_texts(body, "deny_models", wanted.deny_models);
    const auto changed = cli.call("PATCH", "/api/v1/" + wanted.limited.collection + "/" + percent_encode(wanted.name),
                                  organisation({{"org", wanted.org}}), body);
    const std::string limits = changed ? limits_text(*changed) : "";
    const std::string models = changed ? models_text(*changed) : "";
    return finish(cli, changed,
                  "'" + printable(wanted.name) + "' has " +
                      (limits.empty() ? "no limits of its own" : "the limits " + limits) +
                      (models.empty() ? "." : ", and models: " + printable(models) + "."));
}

}  // namespace

void add_texts(Json& body, const char* name, const std::vector<std::string>& values) {
    if (values.empty()) return;
    body[name] = values.size() == 1 && values.front() == "none" ? Json::array() : Json(values);
}

void add_limit_options(CLI::App& command, Cli& cli, LimitOptions& options) {
    for (const auto& amount : amounts) {
        command.add_option(std::string("--") + amount.name, options.*(amount.value), amount.description)
            ->type_name("N")
            ->transform(CLI::Validator(plain_amount, ""));
    }
    command.add_option("--budget", options.budget, "Money: '$10/day', or per week, month, total; none")
        ->type_name("BUDGET");
    choose(cli, command.add_option("--window", options.window, "How a minute is counted"),
           {"sliding", "bucket", "none"});
}

void add_limits(Json& body, const LimitOptions& options) {
    for (const auto& amount : amounts) {
        if (const auto& value = options.*(amount.value)) body[amount.name] = *value;
    }
    add_text(body, "budget", options.budget);
    add_text(body, "window", options.window);
}

std::string limits_text(const Json& shown) {
    std::string out;
    for (const auto& amount : amounts) {
        if (const auto value = number_of(shown, amount.name))
            out += (out.empty() ? "" : ", ") + std::to_string(*value) + " " + amount.name;
    }
    const std::string budget = text_of(shown, "budget");
    if (!budget.empty()) out += (out.empty() ? "" : ", ") + budget;
    return out;
}

std::string models_text(const Json& shown) {
    std::string out;
    for (const auto& [name, before] : {std::pair("models", "only "), std::pair("deny_models", "never ")}) {
        std::string listed;
        for (const auto& model : member(shown, name)) {
            if (model.is_string()) listed += (listed.empty() ? "" : ", ") + model.get<std::string>();
        }
        if (!listed.empty()) out += (out.empty() ? "" : "; ") + std::string(before) + listed;
    }
    return out;
}

std::string own_text(const Json& shown) {
    const std::string limits = limits_text(shown), models = models_text(shown);
    return limits + (limits.empty() || models.empty() ? "" : "; ") + models;
}

void add_limits_command(CLI::App& parent, Cli& cli, const Limited& limited) {
    auto wanted = std::make_shared<Edit>();
    wanted->limited = limited;
    CLI::App* command = parent.add_subcommand("edit", limited.description);
    std::string type;
    for (const char c : limited.named) type += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    command->add_option(limited.named, wanted->name, "Whose limits: name, address or id")->required()->type_name(type);
    add_limit_options(*command, cli, wanted->limits);
    command->add_option("--model", wanted->models, "Only these models: names or globs; repeatable; none")
        ->type_name("MODEL")
        ->allow_extra_args(false);
    command->add_option("--deny-model", wanted->deny_models, "Never this model: a name or glob; repeatable; none")
        ->type_name("MODEL")
        ->allow_extra_args(false);
    if (limited.in_organisation)
        command->add_option("--org", wanted->org, "Which organisation: id or name (default: the first)")
            ->type_name("ORG");
    command->footer("Examples:\n  lurus " + limited.example + " --rpm 60 --budget '100 USD/month'\n  lurus " +
                    limited.example + " --rpm 0 --budget none\n  lurus " + limited.example +
                    " --model 'claude-*' --deny-model '*opus*'");
    command->callback([&cli, wanted] { cli.run = [&cli, wanted] { return edit_limits(cli, *wanted); }; });
}

}  // namespace lurus::cli
