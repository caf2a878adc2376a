#include "cli/cmd_key_rules.hpp"

namespace lurus::cli {
void add_rule_options(CLI::App& command, Cli& cli, KeyRuleOptions& options) {
    add_limit_options(command, cli, options.limits);
    const auto list = [&](const char* name, std::vector<std::string>& out, const char* description, const char* type) {
        command.add_option(name, out, description)->type_name(type)->allow_extra_args(false);
    };
    list("--ip", options.ips, "Only from this address or CIDR range; repeatable", "RANGE");
    list("--user-agent", options.user_agents, "Only clients of this name (a glob); repeatable", "GLOB");
    list("--deny-model", options.deny_models, "Never this model: a name or glob; repeatable", "MODEL");
    list("--group", options.groups, "Only accounts of this group; repeatable; none", "GROUP");
}

void add_rules(Json& body, const KeyRuleOptions& options) {
    add_limits(body, options.limits);
    add_texts(body, "ips", options.ips);
    add_texts(body, "user_agents", options.user_agents);
    add_texts(body, "deny_models", options.deny_models);
    add_texts(body, "groups", options.groups);
}

}  // namespace lurus::cli
