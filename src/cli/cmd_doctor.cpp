#include <CLI/App.hpp>
#include <algorithm>
#include <memory>
#include <ostream>

#include "cli/cli.hpp"
#include "cli/doctor.hpp"
#include "control/state/control_plane.hpp"
#include "core/os/platform.hpp"

namespace lurus::cli {
namespace {

void append(std::vector<Finding>& out, std::vector<Finding> more) {
    for (auto& finding : more) out.push_back(std::move(finding));
}

std::vector<Finding> examine(Cli& cli, bool probe) {
    using Level = Finding::Level;
    std::vector<Finding> out;
    auto config = cli.config();
    if (!config) {
        out.push_back({Level::broken, "configuration", config.error().message, "correct it: lurus config check"});
        out.push_back(check_clock(cli.clock.now()));
        return out;
    }
    const config::Config& c = **config;
    out.push_back(
        {Level::good, "configuration", c.file.empty() ? "no file, the defaults" : c.file.string() + " is valid", ""});
    for (const auto& warning : c.warnings)
        out.push_back({Level::warning, "configuration", warning, "see `lurus config show`"});
    append(out, check_named_files(c, cli.clock.now()));
    auto folder = check_data_folder(c.data_dir);
    bool usable = !folder.empty() && folder.front().level != Level::broken;
    append(out, std::move(folder));
    out.push_back(check_clock(cli.clock.now()));
    if (!usable) return out;
    append(out, check_databases(c.data_dir));
    const auto cannot_open = [](const Finding& f) { return f.level == Level::broken && f.what != "file"; };
    if (std::ranges::any_of(out, cannot_open) && !platform::FileLock::held(c.data_dir / lock_file_name))
        return out;  // nothing can be asked
    append(out, check_server(cli, c));
    append(out, check_keys(cli));
    append(out, check_providers(cli, probe));
    append(out, check_prices(cli));
    append(out, check_clients(cli, c, connect::ClientHome::of_process()));
    return out;
}

}  // namespace

void add_doctor_command(CLI::App& app, Cli& cli) {
    auto probe = std::make_shared<bool>(false);
    CLI::App* command = app.add_subcommand("doctor", "Check everything on this machine, and say what to do");
    command->add_flag("--probe", *probe, "Also send each provider one tiny request (it may cost a fraction of a cent)");
    command->footer(
        "Examples:\n"
        "  lurus doctor\n"
        "  lurus doctor --probe\n"
        "  lurus doctor --json | jq 'select(.level != \"good\")'\n"
        "Exit code 1 when something is broken.");
    command->callback([&cli, probe] {
        cli.run = [&cli, probe] {
            auto findings = examine(cli, *probe);
            if (cli.json) {
                for (const auto& finding : findings) cli.print_json(json_of(finding));
            } else {
                cli.out << render_findings(findings, cli.style);
            }
            return int(any_broken(findings) ? exit_failed : exit_ok);
        };
    });
}

}  // namespace lurus::cli
