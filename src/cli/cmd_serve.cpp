#include <CLI/App.hpp>

#include "cli/cli.hpp"

namespace lurus::cli {

void add_serve_command(CLI::App& app, Cli& cli) {
    CLI::App* serve =
        app.add_subcommand("serve", "Run the gateway until Ctrl-C (streams drain; a second one stops at once)");
    serve->add_option("--listen", cli.flags.listen, "Listen here instead of the configured address; repeatable")
        ->type_name("ADDR:PORT")
        ->allow_extra_args(false);
    serve->add_flag("--offline", cli.flags.offline,
                    "Do without the databases that nodes share, in this run; `lurus mode` switches while it runs");
    serve->footer(
        "Examples:\n"
        "  lurus serve\n"
        "  lurus serve --config ./lurus.toml --data-dir ./data\n"
        "  lurus serve --listen 127.0.0.1:18100 --listen unix:/run/lurus.sock");
    serve->callback([&cli] { cli.run = [&cli] { return cli.serve(cli.flags, cli.json); }; });
}

}  // namespace lurus::cli
