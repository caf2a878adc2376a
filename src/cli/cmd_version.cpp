#include <CLI/App.hpp>
#include <memory>
#include <ostream>

#include "cli/cli.hpp"
#include "cli/table.hpp"
#include "core/os/features.hpp"
#include "core/os/version.hpp"

namespace lurus::cli {
namespace {

int features_printed(Cli& cli) {
    const auto all = features();
    if (cli.json) {
        Json list = Json::array();
        for (const auto& [name, present, how] : all)
            list.push_back({{"name", name}, {"present", present}, {"how", how}});
        cli.print_json({{"version", version()}, {"features", std::move(list)}});
        return exit_ok;
    }
    Table table({{"FEATURE"}, {"HERE"}, {"HOW, OR WHY NOT", Align::left, 20}});
    for (const auto& [name, present, how] : all)
        table.add({name, present ? Cell("yes", Color::green) : Cell("no", Color::yellow), how});
    cli.out << "lurus " << version() << "\n" << table.render(cli.style);
    return exit_ok;
}

}  // namespace

void add_version_command(CLI::App& app, Cli& cli) {
    CLI::App* command = app.add_subcommand("version", "Print the version");
    command->footer("Examples:\n  lurus version\n  lurus version --json\n  lurus version --features");
    const auto with_features = std::make_shared<bool>(false);
    command->add_flag("--features", *with_features,
                      "What this executable has on this system, and what it has not and why");
    command->callback([&cli, with_features] {
        cli.run = [&cli, with_features] {
            if (*with_features) return features_printed(cli);
            if (cli.json)
                cli.print_json({{"version", version()}});
            else
                cli.out << "lurus " << version() << "\n";
            return int(exit_ok);
        };
    });
}

}  // namespace lurus::cli
