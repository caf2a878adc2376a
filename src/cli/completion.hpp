#pragma once
// Shell completion, generated from the command tree itself so that it cannot lag behind it.

#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}

namespace lurus::cli {

class Cli;

struct CompletionOption {
    std::vector<std::string> names;  // `--json`, `-f`
    std::string description;
    bool takes_value = false;
    std::vector<std::string> values;  // offered for the value; empty = anything
    enum class Paths : unsigned char { none, files, folders } paths = Paths::none;
};

struct CompletionCommand {
    std::string path;  // `` for the root, `key create`
    std::string description;
    std::vector<CompletionCommand> commands;
    std::vector<CompletionOption> options;
    std::vector<CompletionOption> positionals;  // in order

    [[nodiscard]] std::string_view name() const;
};

CompletionCommand describe_commands(const CLI::App& app, const Cli& cli);

std::string bash_completion(const CompletionCommand& root);
std::string zsh_completion(const CompletionCommand& root);
std::string fish_completion(const CompletionCommand& root);

}  // namespace lurus::cli
