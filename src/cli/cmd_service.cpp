// `lurus service install`, `uninstall`, `start`, `stop`, `status`, `logs`; the service accounts of the same group are
// in cmd_people.cpp.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <deque>
#include <fstream>
#include <memory>
#include <ostream>

#include "cli/cli.hpp"
#include "cli/cli_format.hpp"
#include "cli/service_health.hpp"
#include "core/os/child.hpp"
#include "core/os/platform.hpp"
#include "core/os/service.hpp"
#include "core/os/terminal.hpp"
#include "core/text/shell_word.hpp"

namespace lurus::cli {
namespace {

namespace fs = std::filesystem;
using platform::ServiceState;

constexpr const char* password_variable = "LURUS_SERVICE_PASSWORD";
constexpr int end_ms = 30'000;  // of a server, beside its drain

struct ServiceOptions {
    std::string name = "lurus";
    std::string account;
    int timeout_s = 120;
    int lines = 50;
    bool follow = false;
};
using ServiceVerb = int (*)(Cli&, const ServiceOptions&);

fs::path absolute_path(const fs::path& path) {
    return fs::absolute(path).lexically_normal();
}

Result<Secret> account_password(const std::string& account) {
    const auto variables = platform::environment(password_variable);
    if (const auto given = variables.find(password_variable); given != variables.end()) return Secret(given->second);
    if (account.empty() || !platform::account_has_password(account)) return Secret();
    if (!stdin_is_terminal())
        return fail(ErrorCode::invalid_argument,
                    "the account " + account + " needs its password: set " + password_variable);
    auto typed = read_secret("Password of " + account + ": ");
    if (!typed) return std::unexpected(typed.error());
    return Secret(*std::move(typed));
}

Outcome<platform::ServiceWanted> wanted_service(Cli& cli, const ServiceOptions& options) {
    const auto places = platform::service_places(options.name);
    platform::ServiceWanted wanted;
    wanted.name = options.name;
    wanted.account = options.account;
    wanted.executable = platform::executable();
    wanted.config_file = cli.config_flag.empty() ? places.config_file : absolute_path(cli.config_flag);
    wanted.data_dir = cli.data_dir_flag.empty() ? places.data_dir : absolute_path(cli.data_dir_flag);
    wanted.default_config = config::default_config_text();
    wanted.stop_ms = GatewaySettings().drain_timeout_ms + end_ms;
    std::error_code ignored;
    if (fs::exists(wanted.config_file, ignored)) {
        config::ConfigFlags flags;
        flags.config_file = wanted.config_file;
        const auto config = config::load_config(flags);
        if (!config) return std::unexpected(failure_of(config.error()));
        wanted.stop_ms = config->gateway.drain_timeout_ms + end_ms;
        if (cli.data_dir_flag.empty() && config->origins.contains("data_dir")) wanted.data_dir = config->data_dir;
    } else if (!cli.config_flag.empty()) {
        return std::unexpected(Failure{exit_not_found, wanted.config_file.string() +
                                                           " does not exist; to start from the defaults: lurus config "
                                                           "default > " +
                                                           shell_word(wanted.config_file.string())});
    }
    auto password = account_password(options.account);
    if (!password) return std::unexpected(failure_of(password.error()));
    wanted.password = *std::move(password);
    return wanted;
}

std::string service_command(const ServiceOptions& options, const char* verb) {
    return std::string("lurus service ") + verb + (options.name == "lurus" ? "" : " --name " + options.name);
}

int install(Cli& cli, const ServiceOptions& options) {
    const auto wanted = wanted_service(cli, options);
    if (!wanted) return cli.report(wanted.error());
    std::error_code ignored;
    const bool had_config = fs::exists(wanted->config_file, ignored);
    const auto done = platform::install_service(*wanted);
    if (!done) return cli.report(failure_of(done.error()));
    for (const auto& warning : *done) cli.err << "lurus: warning: " << printable(warning) << "\n";
    const auto state = platform::service_state(options.name);
    if (!state) return cli.report(failure_of(state.error()));
    if (cli.json) {
        cli.print_json({{"name", options.name},
                        {"installed", true},
                        {"unit", state->unit},
                        {"account", state->account},
                        {"executable", wanted->executable.string()},
                        {"config_file", wanted->config_file.string()},
                        {"data_dir", wanted->data_dir.string()}});
        return exit_ok;
    }
    cli.out << fmt::format(
        "The service {} is installed ({}), and starts with the system.\n"
        "It runs {} as {}.\n"
        "Configuration: {}{}\n"
        "Data:          {}\n"
        "Start it now:  {}\n",
        options.name, printable(state->unit), printable(wanted->executable.string()), printable(state->account),
        printable(wanted->config_file.string()), had_config ? "" : " (new, the defaults)",
        printable(wanted->data_dir.string()), service_command(options, "start"));
    return exit_ok;
}

int uninstall(Cli& cli, const ServiceOptions& options) {
    const auto state = platform::service_state(options.name);
    if (!state) return cli.report(failure_of(state.error()));
    const fs::path data = data_dir_of(*state, options.name);
    if (state->run != ServiceState::Run::stopped && state->run != ServiceState::Run::failed) {
        if (auto ended = platform::stop_service(options.name, options.timeout_s * 1000); !ended)
            return cli.report(failure_of(ended.error()));
    }
    if (auto done = platform::uninstall_service(options.name); !done) return cli.report(failure_of(done.error()));
    if (cli.json) {
        cli.print_json({{"name", options.name},
                        {"installed", false},
                        {"config_file", state->config_file.string()},
                        {"data_dir", data.string()}});
        return exit_ok;
    }
    cli.out << fmt::format("The service {} is removed. What stays: {} and {}.\n", options.name,
                           printable(state->config_file.string()), printable(data.string()));
    return exit_ok;
}

int start(Cli& cli, const ServiceOptions& options) {
    if (auto done = platform::start_service(options.name, options.timeout_s * 1000); !done)
        return cli.report(failure_of(done.error()));
    const auto state = platform::service_state(options.name);
    if (!state) return cli.report(failure_of(state.error()));
    const auto health = wait_until_ready(options.name, data_dir_of(*state, options.name), options.timeout_s * 1000);
    if (!health.ready)
        return cli.report({exit_unreachable, fmt::format("{} is not ready: {}; see: {}", options.name, health.problem,
                                                         service_command(options, "logs"))});
    if (cli.json) {
        cli.print_json({{"name", options.name},
                        {"state", "running"},
                        {"pid", health.pid},
                        {"version", health.version},
                        {"addresses", health.addresses},
                        {"ready", true}});
        return exit_ok;
    }
    std::string where;
    for (const auto& address : health.addresses) where += (where.empty() ? "" : ", ") + address;
    cli.out << fmt::format("{} {} runs (pid {}) and is ready on {}.\n", options.name, health.version, health.pid,
                           printable(where));
    return exit_ok;
}

int stop(Cli& cli, const ServiceOptions& options) {
    if (const auto state = platform::service_state(options.name); !state) return cli.report(failure_of(state.error()));
    if (auto done = platform::stop_service(options.name, options.timeout_s * 1000); !done)
        return cli.report(failure_of(done.error()));
    if (cli.json)
        cli.print_json({{"name", options.name}, {"state", "stopped"}});
    else
        cli.out << options.name << " is stopped.\n";
    return exit_ok;
}

Json text_or_null(const std::string& text) {
    return text.empty() ? Json(nullptr) : Json(text);
}

Json status_json(const std::string& name, const ServiceState& state, const fs::path& data, const ServerHealth& health) {
    return {{"name", name},
            {"installed", true},
            {"state", run_name(state.run)},
            {"at_boot", state.at_boot},
            {"pid", state.pid == 0 ? Json(nullptr) : Json(state.pid)},
            {"since", state.since == 0 ? Json(nullptr) : Json(format_time(state.since))},
            {"account", text_or_null(state.account)},
            {"version", text_or_null(health.version)},
            {"addresses", health.addresses},
            {"ready", health.seen ? Json(health.ready) : Json(nullptr)},
            {"problem", text_or_null(state.problem.empty() && !health.ready ? health.problem : state.problem)},
            {"config_file", text_or_null(state.config_file.string())},
            {"data_dir", data.string()},
            {"executable", text_or_null(state.executable.string())},
            {"unit", state.unit}};
}

void print_status(Cli& cli, const Json& status, const ServiceState& state) {
    const auto line = [&](const char* what, const std::string& value) {
        cli.out << fmt::format("{:<11}{}\n", what, value.empty() ? std::string(unknown_text) : printable(value));
    };
    std::string run(run_name(state.run));
    if (state.since != 0)
        run += fmt::format(" since {} ({})", format_date_time(local_time(state.since)),
                           format_duration(cli.clock.now() - state.since));
    line("service", fmt::format("{}, {}, {}", text_of(status, "name"), run,
                                state.at_boot ? "starts with the system" : "does not start with the system"));
    line("pid", state.pid == 0 ? "" : std::to_string(state.pid));
    line("account", state.account);
    line("version", text_of(status, "version"));
    line("addresses", joined(member(status, "addresses")));
    line("ready", member(status, "ready").is_null() ? "" : flag_of(status, "ready") ? "yes" : "no");
    if (const auto problem = text_of(status, "problem"); !problem.empty()) line("problem", problem);
    line("config", text_of(status, "config_file"));
    line("data", text_of(status, "data_dir"));
    line("program", text_of(status, "executable"));
    line("unit", state.unit);
}

int status(Cli& cli, const ServiceOptions& options) {
    const auto state = platform::service_state(options.name);
    if (!state) {
        if (cli.json && state.error().code == ErrorCode::not_found)
            cli.print_json({{"name", options.name}, {"installed", false}});
        return cli.report(failure_of(state.error()));
    }
    const fs::path data = data_dir_of(*state, options.name);
    ServerHealth health;
    if (state->run != ServiceState::Run::stopped && state->run != ServiceState::Run::failed) health = health_of(data);
    const Json all = status_json(options.name, *state, data, health);
    if (cli.json)
        cli.print_json(all);
    else
        print_status(cli, all, *state);
    return health.ready ? exit_ok : exit_failed;
}

/// A line of our own log: `2026-12-01T08:00:00.123456Z info  text`.
Json log_line_json(const std::string& line) {
    const auto time = line.find(' ');
    const auto level = time == std::string::npos ? time : line.find(' ', time + 1);
    if (level == std::string::npos) return {{"message", line}};
    const auto text = line.find_first_not_of(' ', level);
    return {{"time", line.substr(0, time)},
            {"level", line.substr(time + 1, level - time - 1)},
            {"message", text == std::string::npos ? "" : line.substr(text)}};
}

void print_log_line(Cli& cli, const std::string& line) {
    if (cli.json)
        cli.print_json(log_line_json(line));
    else
        cli.out << printable(line) << "\n";
}

/// The file's last lines; gives the position behind them.
std::streamoff print_tail(Cli& cli, const fs::path& file, int lines) {
    std::ifstream in(file, std::ios::binary);
    std::deque<std::string> last;
    std::streamoff at = 0;
    for (std::string line; std::getline(in, line);) {
        if (in.eof()) break;  // it is being written
        at = in.tellg();
        if (line.ends_with('\r')) line.pop_back();
        last.push_back(std::move(line));
        if (last.size() > static_cast<std::size_t>(lines)) last.pop_front();
    }
    for (const auto& line : last) print_log_line(cli, line);
    return at;
}

int show_log_file(Cli& cli, const fs::path& file, const ServiceOptions& options) {
    constexpr int look_ms = 300;
    std::error_code error;
    if (!fs::exists(file, error) && !options.follow)
        return cli.report({exit_not_found, "there is no log yet: " + file.string()});
    std::streamoff at = print_tail(cli, file, options.lines);
    const InterruptGuard guard;
    while (options.follow && !InterruptGuard::interrupted() && cli.shown()) {
        InterruptGuard::sleep_ms(look_ms);
        const auto size = fs::file_size(file, error);
        if (error) continue;
        if (static_cast<std::streamoff>(size) < at) at = 0;  // a new one was begun
        std::ifstream in(file, std::ios::binary);
        in.seekg(at);
        for (std::string line; std::getline(in, line) && !in.eof();) {
            at = in.tellg();
            if (line.ends_with('\r')) line.pop_back();
            print_log_line(cli, line);
        }
    }
    return exit_ok;
}

int show_service_log(Cli& cli, const ServiceOptions& options) {
    const auto log = platform::service_log(options.name, options.lines, options.follow, cli.json);
    if (!log) return cli.report(failure_of(log.error()));
    if (log->command.empty()) return show_log_file(cli, log->file, options);
    cli.out.flush();
    const auto end = platform::run_child(log->command, 0, platform::ChildOutput::shown);
    if (!end) return cli.report(failure_of(end.error()));
    return end->exit_code == 0 ? exit_ok : exit_failed;
}

int run(Cli& cli, const ServiceOptions& options) {
    const auto code = platform::run_service(options.name, [&cli] { return cli.serve(cli.flags, true); });
    return code ? *code : cli.report(failure_of(code.error()));
}

CLI::App* add_verb(CLI::App& parent, Cli& cli, const std::shared_ptr<ServiceOptions>& options, const char* name,
                   const char* description, const char* examples, ServiceVerb act) {
    CLI::App* command = parent.add_subcommand(name, description);
    command->group("This machine's service");
    command->add_option("--name", options->name, "The service's name (default: lurus)")
        ->type_name("NAME")
        ->check(
            [](const std::string& given) {
                return is_service_name(given) ? std::string()
                                              : "'" + given + "' is no service's name: letters, digits, - _ .";
            },
            "");
    command->footer(std::string("Examples:\n") + examples);
    command->callback([&cli, options, act] { cli.run = [&cli, options, act] { return act(cli, *options); }; });
    return command;
}

}  // namespace

void add_service_commands(CLI::App& app, Cli& cli) {
    CLI::App& service = *app.get_subcommand("service");
    const auto options = std::make_shared<ServiceOptions>();
    const auto add = [&](const char* name, const char* description, const char* examples, ServiceVerb act) {
        return add_verb(service, cli, options, name, description, examples, act);
    };
    const auto add_timeout = [&](CLI::App* command, const char* what) {
        command->add_option("--timeout", options->timeout_s, what)
            ->type_name("SECONDS")
            ->check(CLI::Range(1, 86'400), "");
    };
    add("install", "Run the server with the system: a systemd unit, or a Windows service",
        "  sudo lurus service install\n"
        "  sudo lurus service install --config /etc/lurus/lurus.toml --data-dir /srv/lurus --user gateway",
        install)
        ->add_option("--user", options->account, "The account that it runs as (default: one of its own)")
        ->type_name("ACCOUNT");
    add_timeout(add("uninstall", "Stop it and remove it; configuration and data stay", "  sudo lurus service uninstall",
                    uninstall),
                "How long its last answers may take (default: 120)");
    add_timeout(add("start", "Start it, and wait until it is ready", "  sudo lurus service start", start),
                "How long that may take (default: 120)");
    add_timeout(add("stop", "Let running answers end, then stop it", "  sudo lurus service stop", stop),
                "How long that may take (default: 120)");
    add("status", "Whether it is installed, runs and is ready, and where everything is",
        "  lurus service status\n"
        "  lurus service status --json | jq -r .state\n"
        "Exit code 0 when it is ready, 1 when it is not, 3 when it is not installed.",
        status);
    CLI::App* logs = add("logs", "What it has logged",
                         "  lurus service logs -n 200\n"
                         "  lurus service logs -f",
                         show_service_log);
    logs->add_flag("-f,--follow", options->follow, "Go on with what comes");
    logs->add_option("-n,--lines", options->lines, "How many of the last lines (default: 50)")
        ->type_name("N")
        ->check(CLI::Range(0, 1'000'000), "");
    add("run", "Serve as the service control manager starts it", "  lurus service run --name lurus", run)->group("");
}

}  // namespace lurus::cli
