// `lurus migrate`
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <memory>
#include <ostream>

#include "cli/cli.hpp"
#include "cli/cli_format.hpp"
#include "core/os/platform.hpp"
#include "core/os/terminal.hpp"

namespace lurus::cli {
namespace {

struct MigrateOptions {
    bool to_postgres = false, to_sqlite = false;
};

/// On a terminal only, on a line of its own that goes again.
class MoveTold {
public:
    explicit MoveTold(Cli& cli) : cli_(cli), terminal_(!cli.json && stdout_is_terminal()) {}
    ~MoveTold() { clear(); }
    MoveTold(const MoveTold&) = delete;
    MoveTold& operator=(const MoveTold&) = delete;
    void operator()(std::string_view doing, std::int64_t done, std::int64_t all) {
        if (!terminal_) return;
        const std::string text = fmt::format("{}: {}%", doing, all == 0 ? 100 : done * 100 / all);
        if (text == last_) return;
        clear();
        cli_.err << text << std::flush;
        last_ = text;
    }
    void clear() {
        if (!last_.empty()) cli_.err << '\r' << std::string(last_.size(), ' ') << '\r' << std::flush;
        last_.clear();
    }

private:
    Cli& cli_;
    const bool terminal_;
    std::string last_;
};

int run_migrate(Cli& cli, const MigrateOptions& options) {
    if (options.to_postgres == options.to_sqlite)
        return cli.report({exit_usage, "say where to: --to-postgres or --to-sqlite"});
    if (!platform::variable("LURUS_URL").value_or("").empty())
        return cli.report({exit_usage, "a data folder on this machine is moved: run it there, without LURUS_URL"});
    const auto settings = cli.config();
    if (!settings) return cli.report(settings.error());
    const MoveTo to = options.to_postgres ? MoveTo::postgres : MoveTo::sqlite;
    MoveTold told(cli);
    const auto moved = cli.migrate(**settings, to, std::ref(told));
    told.clear();
    if (!moved) return cli.report(failure_of(moved.error()));
    const std::string folder = (*settings)->data_dir.string();
    if (cli.json) {
        cli.print_json({{"to", to == MoveTo::postgres ? "postgres" : "sqlite"},
                        {"data_dir", folder},
                        {"installation", moved->installation},
                        {"rows", moved->rows},
                        {"resumed", moved->resumed}});
        return exit_ok;
    }
    if (to == MoveTo::postgres) {
        cli.out << fmt::format(
            "{} belongs to the installation {} now{}.\n"
            "Start it again, and other nodes with the same [postgres] and the same master key.\n",
            printable(folder), moved->installation,
            moved->resumed ? "" : fmt::format(": {} rows were moved and compared", moved->rows));
    } else {
        cli.out << fmt::format(
            "{} has all that the installation had, {} rows, compared. No node changes anything there any more.\n"
            "Take [postgres] out of {} before the next start.\n",
            printable(folder), moved->rows,
            (*settings)->file.empty() ? "the configuration" : printable((*settings)->file.string()));
    }
    return exit_ok;
}

}  // namespace

void add_migrate_command(CLI::App& app, Cli& cli) {
    auto options = std::make_shared<MigrateOptions>();
    CLI::App* command =
        app.add_subcommand("migrate", "Move what is stored into the database of [postgres], or back into lurus.db");
    command->add_flag("--to-postgres", options->to_postgres,
                      "Into an empty database, which other nodes can share from then on");
    command->add_flag("--to-sqlite", options->to_sqlite,
                      "Back into this folder; no other node changes anything any more");
    command->footer(
        "Examples:\n"
        "  lurus migrate --to-postgres\n"
        "  lurus migrate --to-sqlite\n"
        "The server of the folder is stopped meanwhile. Cut off at any moment, it is ended by running it again.\n"
        "Request logs and the audit stay in the folder.");
    command->callback([&cli, options] { cli.run = [&cli, options] { return run_migrate(cli, *options); }; });
}

}  // namespace lurus::cli
