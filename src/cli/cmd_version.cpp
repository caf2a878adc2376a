#include <CLI/App.hpp>
#include <ostream>

#include "cli/cli.hpp"
#include "core/os/version.hpp"

namespace lurus::cli {

void add_version_command(CLI::App& app, Cli& cli) {
    CLI::App* command = app.add_subcommand("version", "Print the version");
    command->footer("Examples:\n  lurus version\n  lurus version --json");
    command->callback([&cli] {
        cli.run = [&cli] {
            if (cli.json)
                cli.print_json({{"version", version()}});
            else
                cli.out << "lurus " << version() << "\n";
            return int(exit_ok);
        };
    });
}

}  // namespace lurus::cli
