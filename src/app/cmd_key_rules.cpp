#include "app/cmd_key_rules.hpp"

#include <array>
#include <utility>

#include "lurus/limits.hpp"

namespace lurus::app {
namespace {

constexpr std::string_view nothing = "none";

struct Amount {
    const char* name;
    std::optional<std::int64_t> KeyRuleOptions::* value;
    const char* description;
};
constexpr std::array<Amount, 5> amounts = {{
    {"rpm", &KeyRuleOptions::rpm, "Requests a minute; 0 = no limit"},
    {"tpm", &KeyRuleOptions::tpm, "Tokens a minute, in and out; 0 = no limit"},
    {"itpm", &KeyRuleOptions::itpm, "Tokens in a minute; 0 = no limit"},
    {"otpm", &KeyRuleOptions::otpm, "Tokens out a minute; 0 = no limit"},
    {"concurrency", &KeyRuleOptions::concurrency, "Requests being answered at once; 0 = no limit"},
}};

void add_text(Json& body, const char* name, const std::string& value) {
    if (!value.empty()) body[name] = value == nothing ? Json(nullptr) : Json(value);
}

void add_texts(Json& body, const char* name, const std::vector<std::string>& values) {
    if (values.empty()) return;
    body[name] = values.size() == 1 && values.front() == nothing ? Json::array() : Json(values);
}

}  // namespace

void add_rule_options(CLI::App& command, Cli& cli, KeyRuleOptions& options) {
    for (const auto& amount : amounts) {
        command.add_option(std::string("--") + amount.name, options.*(amount.value), amount.description)
            ->type_name("N")
            ->check(CLI::Range(std::int64_t{0}, max_limit));
    }
    command.add_option("--budget", options.budget, "Money: '10 USD/day', or per week, month, total; none")
        ->type_name("BUDGET");
    choose(cli, command.add_option("--window", options.window, "How a minute is counted"),
           {"sliding", "bucket", "none"});
    const auto list = [&](const char* name, std::vector<std::string>& out, const char* description, const char* type) {
        command.add_option(name, out, description)->type_name(type)->allow_extra_args(false);
    };
    list("--ip", options.ips, "Only from this address or CIDR range; repeatable", "RANGE");
    list("--user-agent", options.user_agents, "Only clients of this name (a glob); repeatable", "GLOB");
    list("--deny-model", options.deny_models, "Never this model: a name or glob; repeatable", "MODEL");
    list("--group", options.groups, "Only accounts of this group; repeatable; none", "GROUP");
}

void add_rules(Json& body, const KeyRuleOptions& options) {
    for (const auto& amount : amounts) {
        if (const auto& value = options.*(amount.value)) body[amount.name] = *value;
    }
    add_text(body, "budget", options.budget);
    add_text(body, "window", options.window);
    add_texts(body, "ips", options.ips);
    add_texts(body, "user_agents", options.user_agents);
    add_texts(body, "deny_models", options.deny_models);
    add_texts(body, "groups", options.groups);
}

}  // namespace lurus::app
