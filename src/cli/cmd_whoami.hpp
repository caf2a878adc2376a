#pragma once
// `lurus whoami`.

#include "cli/cli.hpp"

namespace lurus::cli {

/// As whom `api` acts, where, and by what.
Outcome<Json> whoami(ApiClient& api);
/// Prints it, or why it cannot be told.
int show_whoami(Cli& cli, const Outcome<Json>& who);

void add_whoami_command(CLI::App& app, Cli& cli);

}  // namespace lurus::cli
