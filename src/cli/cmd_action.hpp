#pragma once
// Commands that are one request: positionals and options in, one call, one line or one table out.

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "cli/cli.hpp"

namespace lurus::cli {

/// Values by the name of the positional or option (without dashes); absent = not given.
using Args = std::map<std::string, std::string>;

struct Arg {
    std::string name;  // `user`; an option is `--role`
    std::string description;
    std::vector<std::string> choices;  // empty = any text
    bool flag = false;
};

struct Action {
    std::string name;
    std::string description;
    std::vector<Arg> args;
    std::string example;  // after `lurus `
    std::function<int(Cli&, const Args&)> run;
    bool emergency = false;  // see Cli::emergency
};

/// Adds the command; each one also takes `--org` when `in_organisation`.
void add_action(CLI::App& parent, Cli& cli, Action action, bool in_organisation);

/// The value, or nothing.
std::string arg(const Args& args, const std::string& name);
/// `?org=` of a request, where it was given.
std::map<std::string, std::string> organisation(const Args& args);
/// All pages of a list as one.
Outcome<Json> all_pages(Cli& cli, std::string_view path, std::map<std::string, std::string> query);

/// Prints what was answered with --json, else `sentence`; or the failure.
int finish(Cli& cli, const Outcome<Json>& answer, const std::string& sentence);
/// Prints the elements with --json, else what `render` makes of them; or the failure.
int finish_list(Cli& cli, const Outcome<Json>& list, std::string (*render)(const Json&, const Style&));

}  // namespace lurus::cli
