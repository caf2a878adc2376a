#include "cli/cmd_action.hpp"

#include <CLI/App.hpp>
#include <memory>
#include <ostream>

namespace lurus::cli {

void add_action(CLI::App& parent, Cli& cli, Action action, bool in_organisation) {
    CLI::App* command = parent.add_subcommand(action.name, action.description);
    if (in_organisation) action.args.push_back({"--org", "Which organisation: id or name (default: the first)", {}});
    auto values = std::make_shared<std::map<std::string, std::string>>();
    for (const auto& given : action.args) {
        const bool option = given.name.starts_with("--");
        const std::string key = option ? given.name.substr(2) : given.name;
        if (given.flag) {
            command->add_flag_callback(given.name, [values, key] { (*values)[key] = "true"; }, given.description);
            continue;
        }
        std::string type;
        for (const char c : key) type += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
        auto* made = command->add_option(given.name, (*values)[key], given.description)->type_name(type);
        if (!option) made->required();
        if (!given.choices.empty()) choose(cli, made, given.choices);
    }
    if (!action.example.empty()) command->footer("Examples:\n  lurus " + action.example);
    command->callback([&cli, values, run = std::move(action.run), emergency = action.emergency] {
        cli.emergency = emergency;
        cli.run = [&cli, values, run] {
            Args args;
            for (const auto& [name, value] : *values) {
                if (!value.empty()) args.emplace(name, value);
            }
            return run(cli, args);
        };
    });
}

std::string arg(const Args& args, const std::string& name) {
    const auto found = args.find(name);
    return found == args.end() ? std::string() : found->second;
}

std::map<std::string, std::string> organisation(const Args& args) {
    std::map<std::string, std::string> query;
    if (const auto org = arg(args, "org"); !org.empty()) query["org"] = org;
    return query;
}

Outcome<Json> all_pages(Cli& cli, std::string_view path, std::map<std::string, std::string> query) {
    query["limit"] = "1000";
    Json all = {{"data", Json::array()}};
    for (;;) {
        auto page = cli.get(path, query);
        if (!page) return page;
        for (auto& item : (*page)["data"]) all["data"].push_back(std::move(item));
        const std::string next = text_of(*page, "next");
        if (next.empty()) return all;
        query["cursor"] = next;
    }
}

int finish(Cli& cli, const Outcome<Json>& answer, const std::string& sentence) {
    if (!answer) return cli.report(answer.error());
    if (!cli.json)
        cli.out << sentence << "\n";
    else if (!answer->is_null())
        cli.print_json(*answer);
    return exit_ok;
}

int finish_list(Cli& cli, const Outcome<Json>& list, std::string (*render)(const Json&, const Style&)) {
    if (!list) return cli.report(list.error());
    if (cli.json)
        cli.print_json_lines(*list);
    else
        cli.out << render(list_of(*list), cli.style);
    return exit_ok;
}

}  // namespace lurus::cli
