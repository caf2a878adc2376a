#pragma once
// Options that say how much a key, or all keys of a user, team or organisation, may use.

#include <CLI/App.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/cli.hpp"
#include "core/json/json_value.hpp"

namespace lurus::cli {

struct LimitOptions {
    std::optional<std::int64_t> rpm, tpm, itpm, otpm, concurrency;
    std::string budget, window;
};

void add_limit_options(CLI::App& command, Cli& cli, LimitOptions& options);
/// The body's members for what was given; `none` and 0 take away.
void add_limits(Json& body, const LimitOptions& options);
/// A list of the body, where one was given; `none` empties it.
void add_texts(Json& body, const char* name, const std::vector<std::string>& values);
/// `60 rpm, 10 USD/day` of what the API shows; empty = none.
std::string limits_text(const Json& shown);

/// `only claude-*; never *opus*` of what the API shows; empty = all.
std::string models_text(const Json& shown);
/// Both: what a user, team or organisation has of its own.
std::string own_text(const Json& shown);

/// Adds `edit`, which sets limits and models of one of `collection`.
struct Limited {
    std::string collection;  // `teams`
    std::string named;       // the positional: `team`
    std::string description;
    std::string example;  // after `lurus `
    bool in_organisation = true;
};
void add_limits_command(CLI::App& parent, Cli& cli, const Limited& limited);

}  // namespace lurus::cli
