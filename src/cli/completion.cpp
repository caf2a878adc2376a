#include "cli/completion.hpp"

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <memory>
#include <ostream>

#include "cli/cli.hpp"

namespace lurus::cli {
namespace {

CompletionOption describe(const CLI::Option& option, const Cli& cli) {
    CompletionOption out;
    for (const auto& name : option.get_snames()) out.names.push_back("-" + name);
    for (const auto& name : option.get_lnames()) out.names.push_back("--" + name);
    out.description = option.get_description();
    out.takes_value = option.get_expected_max() > 0 && option.get_type_size() > 0;
    if (auto it = cli.choices.find(&option); it != cli.choices.end()) out.values = it->second;
    if (auto it = cli.files.find(&option); it != cli.files.end()) {
        out.paths = it->second ? CompletionOption::Paths::folders : CompletionOption::Paths::files;
    }
    return out;
}

CompletionCommand describe(const CLI::App& app, const Cli& cli, std::string path) {
    CompletionCommand out;
    out.path = path;
    out.description = app.get_description();
    for (const CLI::Option* option : app.get_options()) {
        if (option->get_positional())
            out.positionals.push_back(describe(*option, cli));
        else
            out.options.push_back(describe(*option, cli));
    }
    for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
        out.commands.push_back(describe(*sub, cli, path.empty() ? sub->get_name() : path + " " + sub->get_name()));
    }
    return out;
}

void flatten(const CompletionCommand& command, std::vector<const CompletionCommand*>& out) {
    out.push_back(&command);
    for (const auto& sub : command.commands) flatten(sub, out);
}

std::vector<const CompletionCommand*> all_commands(const CompletionCommand& root) {
    std::vector<const CompletionCommand*> out;
    flatten(root, out);
    return out;
}

template <class T, class F>
std::string join(const std::vector<T>& items, std::string_view separator, F&& text) {
    std::string out;
    for (const auto& item : items) {
        std::string piece = text(item);
        if (piece.empty()) continue;
        if (!out.empty()) out += separator;
        out += piece;
    }
    return out;
}

std::string words(const std::vector<std::string>& items) {
    return join(items, " ", [](const std::string& s) { return s; });
}

std::string single_quoted(std::string_view text) {
    std::string out = "'";
    for (char c : text) {
        if (c == '\'')
            out += "'\\''";
        else
            out += c;
    }
    return out + "'";
}

/// A word that zsh's _arguments and _describe take apart at colons and brackets.
std::string zsh_text(std::string_view text) {
    std::string out;
    for (char c : text) {
        if (c == ':' || c == '[' || c == ']' || c == '\\') out += '\\';
        out += c;
    }
    return out;
}

std::string zsh_action(const CompletionOption& option) {
    if (!option.values.empty()) return "(" + words(option.values) + ")";
    if (option.paths == CompletionOption::Paths::files) return "_files";
    if (option.paths == CompletionOption::Paths::folders) return "_files -/";
    return " ";
}

std::string zsh_function(const CompletionCommand& command) {
    std::string name = "_lurus";
    for (char c : command.path) name += c == ' ' ? '_' : c;
    return command.path.empty() ? "_lurus" : name.insert(6, "_");
}

}  // namespace

std::string_view CompletionCommand::name() const {
    std::string_view whole = path;
    return whole.substr(whole.rfind(' ') == std::string_view::npos ? 0 : whole.rfind(' ') + 1);
}

CompletionCommand describe_commands(const CLI::App& app, const Cli& cli) {
    return describe(app, cli, "");
}

std::string bash_completion(const CompletionCommand& root) {
    std::string tree, values, offers;
    for (const CompletionCommand* command : all_commands(root)) {
        for (const auto& sub : command->commands)
            tree += fmt::format("            {}) at={} ;;\n",
                                single_quoted(command->path + "/" + std::string(sub.name())), single_quoted(sub.path));
        std::string options = join(command->options, " ", [](const CompletionOption& o) { return words(o.names); });
        std::string others =
            join(command->commands, " ", [](const CompletionCommand& c) { return std::string(c.name()); });
        std::string positional = command->positionals.empty() ? "" : words(command->positionals.front().values);
        bool files =
            !command->positionals.empty() && command->positionals.front().paths != CompletionOption::Paths::none;
        offers += fmt::format("        {}) options={} words={}{} ;;\n", single_quoted(command->path),
                              single_quoted(options), single_quoted(others + positional), files ? " files=1" : "");
        for (const auto& o : command->options) {
            if (!o.takes_value) continue;
            std::string names =
                join(o.names, "|", [&](const std::string& n) { return single_quoted(command->path + "/" + n); });
            std::string what = !o.values.empty()                             ? "words=" + single_quoted(words(o.values))
                               : o.paths == CompletionOption::Paths::files   ? "files=1"
                               : o.paths == CompletionOption::Paths::folders ? "folders=1"
                                                                             : ":";
            values += fmt::format("        {}) value=1; {} ;;\n", names, what);
        }
    }
    return "# bash completion of lurus. Use: source <(lurus completion bash)\n"
           "_lurus() {\n"
           "    local cur=${COMP_WORDS[COMP_CWORD]} at='' skip='' value='' words='' options='' files='' folders='' i "
           "word\n"
           "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
           "        word=${COMP_WORDS[i]}\n"
           "        if [[ -n $skip ]]; then skip=''; continue; fi\n"
           "        if _lurus_value \"$at/$word\"; then skip=1; continue; fi\n"
           "        case \"$at/$word\" in\n" +
           tree +
           "        esac\n"
           "    done\n"
           "    value='' words='' files='' folders=''\n"
           "    if [[ -n $skip ]]; then\n"
           "        _lurus_value \"$at/${COMP_WORDS[COMP_CWORD-1]}\"\n"
           "    else\n"
           "        case \"$at\" in\n" +
           offers +
           "        esac\n"
           "        [[ $cur == -* ]] && words=$options files=''\n"
           "    fi\n"
           "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
           "    [[ -n $files ]] && COMPREPLY+=($(compgen -f -- \"$cur\"))\n"
           "    [[ -n $folders ]] && COMPREPLY+=($(compgen -d -- \"$cur\"))\n"
           "    return 0\n"
           "}\n"
           "# Whether an option takes a value, and what may stand there (in the caller's variables).\n"
           "_lurus_value() {\n"
           "    value=''\n"
           "    case \"$1\" in\n" +
           values +
           "    esac\n"
           "    [[ -n $value ]]\n"
           "}\n"
           "complete -F _lurus lurus\n";
}

std::string zsh_completion(const CompletionCommand& root) {
    std::string out =
        "#compdef lurus\n# zsh completion of lurus. Use: lurus completion zsh > \"${fpath[1]}/_lurus\"\n\n";
    for (const CompletionCommand* command : all_commands(root)) {
        out += zsh_function(*command) + "() {\n    _arguments -C";
        for (const auto& option : command->options) {
            for (const auto& name : option.names) {
                std::string spec = "*" + name + "[" + zsh_text(option.description) + "]";
                if (option.takes_value) spec += ":value:" + zsh_action(option);
                out += " \\\n        " + single_quoted(spec);
            }
        }
        if (!command->commands.empty()) out += " \\\n        '1: :->command' \\\n        '*:: :->rest'";
        for (const auto& positional : command->positionals)
            out += " \\\n        " + single_quoted(": :" + zsh_action(positional));
        out += "\n";
        if (!command->commands.empty()) {
            out += "    case $state in\n        command)\n            local -a commands=(\n";
            for (const auto& sub : command->commands)
                out += "                " + single_quoted(std::string(sub.name()) + ":" + zsh_text(sub.description)) +
                       "\n";
            out +=
                "            )\n            _describe command commands ;;\n        rest)\n            case $words[1] "
                "in\n";
            for (const auto& sub : command->commands)
                out += fmt::format("                {}) {} ;;\n", sub.name(), zsh_function(sub));
            out += "            esac ;;\n    esac\n";
        }
        out += "}\n\n";
    }
    return out + "if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _lurus \"$@\"; else compdef _lurus lurus; fi\n";
}

std::string fish_completion(const CompletionCommand& root) {
    std::string out =
        "# fish completion of lurus. Use: lurus completion fish > ~/.config/fish/completions/lurus.fish\ncomplete -c "
        "lurus -f\n";
    std::string top = join(root.commands, " ", [](const CompletionCommand& c) { return std::string(c.name()); });
    for (const CompletionCommand* command : all_commands(root)) {
        std::string condition;
        std::string others =
            join(command->commands, " ", [](const CompletionCommand& c) { return std::string(c.name()); });
        if (command->path.empty()) condition = "not __fish_seen_subcommand_from " + top;
        std::string_view rest = command->path;
        while (!rest.empty()) {
            std::string_view word = rest.substr(0, rest.find(' '));
            rest.remove_prefix(std::min(rest.size(), word.size() + 1));
            condition += fmt::format("{}__fish_seen_subcommand_from {}", condition.empty() ? "" : "; and ", word);
        }
        std::string here = others.empty() || command->path.empty()
                               ? condition
                               : condition + "; and not __fish_seen_subcommand_from " + others;
        for (const auto& sub : command->commands)
            out += fmt::format("complete -c lurus -n {} -a {} -d {}\n", single_quoted(here), sub.name(),
                               single_quoted(sub.description));
        for (const auto& positional : command->positionals) {
            if (!positional.values.empty())
                out += fmt::format("complete -c lurus -n {} -a {}\n", single_quoted(here),
                                   single_quoted(words(positional.values)));
            if (positional.paths != CompletionOption::Paths::none)
                out += fmt::format("complete -c lurus -n {} -F\n", single_quoted(here));
        }
        for (const auto& option : command->options) {
            out += fmt::format("complete -c lurus -n {}", single_quoted(here));
            for (const auto& name : option.names)
                out += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
            if (option.takes_value) out += option.paths == CompletionOption::Paths::none ? " -x" : " -r -F";
            if (!option.values.empty()) out += " -a " + single_quoted(words(option.values));
            out += " -d " + single_quoted(option.description) + "\n";
        }
    }
    return out;
}

void add_completion_command(CLI::App& app, Cli& cli) {
    auto shell = std::make_shared<std::string>();
    CLI::App* command = app.add_subcommand("completion", "Print completion for a shell");
    choose(cli, command->add_option("shell", *shell, "Which shell")->required(), {"bash", "zsh", "fish"});
    command->footer(
        "Examples:\n"
        "  source <(lurus completion bash)\n"
        "  lurus completion zsh > \"${fpath[1]}/_lurus\"\n"
        "  lurus completion fish > ~/.config/fish/completions/lurus.fish");
    command->callback([&cli, &app, shell] {
        cli.run = [&cli, &app, shell] {
            CompletionCommand root = describe_commands(app, cli);
            cli.out << (*shell == "bash"  ? bash_completion(root)
                        : *shell == "zsh" ? zsh_completion(root)
                                          : fish_completion(root));
            return int(exit_ok);
        };
    });
}

}  // namespace lurus::cli
