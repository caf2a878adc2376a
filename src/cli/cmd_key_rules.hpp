#pragma once
// The options of `lurus key create` and `lurus key edit` that say who may use a key and how much.

#include <CLI/App.hpp>
#include <string>
#include <vector>

#include "cli/cli.hpp"
#include "cli/cmd_limits.hpp"
#include "core/json/json_value.hpp"

namespace lurus::cli {

struct KeyRuleOptions {
    LimitOptions limits;
    std::vector<std::string> ips, user_agents, deny_models, groups;
};

void add_rule_options(CLI::App& command, Cli& cli, KeyRuleOptions& options);
/// The body's members for what was given. `none` takes a budget, a window or a list away.
void add_rules(Json& body, const KeyRuleOptions& options);

}  // namespace lurus::cli
