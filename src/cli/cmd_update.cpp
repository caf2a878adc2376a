// `lurus update FILE`: another executable in the place of the installed one, and back when it does not serve.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <chrono>
#include <memory>
#include <ostream>

#include "cli/cli.hpp"
#include "cli/cli_format.hpp"
#include "cli/service_health.hpp"
#include "cli/update_program.hpp"
#include "core/os/child.hpp"
#include "core/os/platform.hpp"
#include "core/os/server_file.hpp"
#include "core/os/service.hpp"
#include "core/os/version.hpp"
#include "core/text/shell_word.hpp"

namespace lurus::cli {
namespace {

namespace fs = std::filesystem;

constexpr int check_timeout_ms = 60'000;
constexpr int usual_timeout_s = 60;

struct UpdateOptions {
    std::string file, name = "lurus";
    int timeout_s = usual_timeout_s;
    bool allow_downgrade = false;
};

/// What is to be replaced, and what runs it.
struct Installed {
    fs::path program;
    std::optional<platform::ServiceState> service;  // that runs this program
    fs::path config_file, data_dir;                 // empty = those of this command
    std::string version;
};

Failure failed_with(int exit, std::string message) {
    return Failure{exit, std::move(message)};
}

Result<std::string> version_of(const fs::path& program) {
    const auto end = platform::run_child({program.string(), "version", "--json"}, check_timeout_ms);
    if (!end) return std::unexpected(end.error());
    return text_of(Json::parse(end->out, nullptr, false), "version");
}

bool is_running(const platform::ServiceState& state) {
    return state.run != platform::ServiceState::Run::stopped && state.run != platform::ServiceState::Run::failed;
}

Outcome<Installed> find_installed(Cli& cli, const UpdateOptions& options) {
    Installed found;
    const auto state = platform::service_state(options.name);
    if (state) {
        found.service = *state;
        found.program = state->executable;
        found.config_file = state->config_file;
        found.data_dir = data_dir_of(*state, options.name);
    } else if (state.error().code != ErrorCode::not_found && state.error().code != ErrorCode::unavailable) {
        return std::unexpected(failure_of(state.error()));
    } else {
        const auto config = cli.config();
        if (!config) return std::unexpected(config.error());
        found.program = platform::executable();
        found.config_file = (*config)->file;
        found.data_dir = (*config)->data_dir;
    }
    std::error_code error;
    found.program = fs::canonical(found.program, error);
    if (error) return std::unexpected(failed_with(exit_not_found, "there is no installed lurus to update"));
    if (const auto instead = platform::updated_by(found.program); !instead.empty())
        return std::unexpected(failed_with(
            exit_conflict, found.program.string() + " is looked after by a package manager; update it by: " + instead));
    auto version = version_of(found.program);
    if (!version) return std::unexpected(failure_of(version.error()));
    found.version = *std::move(version);
    return found;
}

/// A server that nobody can start again after the update but whoever started it.
Outcome<void> check_not_by_hand(const Installed& installed) {
    if (installed.service && is_running(*installed.service)) return {};
    if (!platform::FileLock::held(installed.data_dir / lock_file_name)) return {};
    const auto noted = read_server_file(installed.data_dir);
    return std::unexpected(failed_with(
        exit_conflict,
        fmt::format(
            "a server{} works on {} that was started by hand: stop it (Ctrl-C where it runs), update, and start "
            "it again",
            noted ? fmt::format(" (pid {})", noted->pid) : std::string(), installed.data_dir.string())));
}

Outcome<std::string> check_new(const StagedProgram& staged, const Installed& installed, const UpdateOptions& options) {
    auto version = staged.version();
    if (!version) return std::unexpected(failed_with(exit_usage, options.file + ": " + version.error().message));
    if (compare_versions(*version, installed.version) < 0 && !options.allow_downgrade)
        return std::unexpected(failed_with(
            exit_conflict, fmt::format("{} is {}, older than the installed {}: it may not read the data any more; give "
                                       "--allow-downgrade if it is meant so",
                                       options.file, *version, installed.version)));
    std::vector<std::string> check = {staged.path().string(), "config", "check"};
    if (!installed.config_file.empty()) check.insert(check.end(), {"--config", installed.config_file.string()});
    check.insert(check.end(), {"--data-dir", installed.data_dir.string()});
    const auto judged = platform::run_child(check, check_timeout_ms);
    if (!judged) return std::unexpected(failure_of(judged.error()));
    if (judged->exit_code == 0) return *version;
    Failure failure{exit_failed,
                    fmt::format("{} ({}) does not take the present configuration:", options.file, *version)};
    for (std::string_view rest = judged->out; !rest.empty();) {
        const auto line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(rest.size(), line.size() + 1));
        if (!line.empty()) failure.more.emplace_back(line);
    }
    return std::unexpected(std::move(failure));
}

class Update {
public:
    Update(Cli& cli, const UpdateOptions& options, Installed installed)
        : cli_(cli), options_(options), installed_(std::move(installed)) {}

    int run(StagedProgram& staged, const std::string& version) {
        was_running_ = installed_.service && is_running(*installed_.service);
        const std::int64_t before = was_running_ ? health_of(installed_.data_dir).pid : 0;
        if (was_running_) {
            say("Stopping " + options_.name + "; running answers may finish.");
            if (auto stopped = platform::stop_service(options_.name, stop_timeout_ms()); !stopped)
                return cli_.report(failure_of(stopped.error()));
        }
        if (auto done = staged.put_in_place(); !done) {
            if (was_running_) (void)platform::start_service(options_.name, options_.timeout_s * 1000);
            return cli_.report(failure_of(done.error()));
        }
        if (!was_running_) return finish_update(version, {});
        say("Starting " + version + ".");
        const auto health = start_and_wait(options_.timeout_s);
        if (health.ready && health.pid != before && health.version == version) return finish_update(version, health);
        return roll_back(version, health.ready ? "another server answers in its place" : health.problem);
    }

private:
    [[nodiscard]] int stop_timeout_ms() const { return std::max(options_.timeout_s * 1000, 120'000); }

    void say(const std::string& line) {
        if (!cli_.json) cli_.out << line << "\n" << std::flush;
    }

    ServerHealth start_and_wait(int timeout_s) {
        const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(timeout_s);
        ServerHealth health;
        if (auto started = platform::start_service(options_.name, timeout_s * 1000); !started) {
            health.problem = started.error().message;
            return health;
        }
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
        return wait_until_ready(options_.name, installed_.data_dir,
                                static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    }

    int finish_update(const std::string& version, const ServerHealth& health) {
        if (cli_.json) {
            cli_.print_json(result(version, health, false, {}));
            return exit_ok;
        }
        cli_.out << fmt::format("{} is {} now, before {}; that one is kept as {}.\n", installed_.program.string(),
                                version, installed_.version, previous_of(installed_.program).string());
        if (was_running_)
            cli_.out << fmt::format("{} runs (pid {}) and is ready.\n", options_.name, health.pid);
        else
            cli_.out << (installed_.service ? "The service " + options_.name + " does not run.\n"
                                            : "No server runs.\n");
        return exit_ok;
    }

    int roll_back(const std::string& version, const std::string& why) {
        (void)platform::stop_service(options_.name, stop_timeout_ms());  // it may have failed already
        const auto back = put_back(installed_.program);
        const auto health = back ? start_and_wait(std::max(options_.timeout_s, usual_timeout_s)) : ServerHealth{};
        std::string now = fmt::format("{} runs again", installed_.version);
        if (!back)
            now = "and the former one could not be put back: " + back.error().message;
        else if (!health.ready)
            now =
                fmt::format("{} is back in its place, and is not ready either: {}", installed_.version, health.problem);
        if (cli_.json) cli_.print_json(result(version, health, true, why));
        return cli_.report(failed_with(exit_failed, fmt::format("{} did not become ready within {} s ({}); {}", version,
                                                                options_.timeout_s, why, now)));
    }

    [[nodiscard]] Json result(const std::string& version, const ServerHealth& health, bool rolled_back,
                              const std::string& why) const {
        return {{"from", installed_.version},
                {"to", version},
                {"executable", installed_.program.string()},
                {"previous", rolled_back ? Json(nullptr) : Json(previous_of(installed_.program).string())},
                {"service", installed_.service ? Json(options_.name) : Json(nullptr)},
                {"restarted", was_running_},
                {"ready", health.ready},
                {"rolled_back", rolled_back},
                {"problem", why.empty() ? Json(nullptr) : Json(why)}};
    }

    Cli& cli_;
    const UpdateOptions& options_;
    const Installed installed_;
    bool was_running_ = false;
};

int run_update(Cli& cli, const UpdateOptions& options) {
    std::error_code error;
    const fs::path file = fs::canonical(options.file, error);
    if (error || !fs::is_regular_file(file, error))
        return cli.report(failed_with(exit_not_found, options.file + " is no file"));
    for (const char* archive : {".zst", ".gz", ".xz", ".zip", ".deb", ".tgz"}) {
        if (file.extension() == archive)
            return cli.report(failed_with(
                exit_usage, options.file + " is a package: unpack it, and give the executable that is in it"));
    }
    auto installed = find_installed(cli, options);
    if (!installed) return cli.report(installed.error());
    if (fs::equivalent(file, installed->program, error))
        return cli.report(failed_with(exit_usage, options.file + " is the installed lurus itself"));
    if (auto ok = check_not_by_hand(*installed); !ok) return cli.report(ok.error());
    auto staged = StagedProgram::copy(file, installed->program);
    if (!staged) return cli.report(failure_of(staged.error()));
    const auto version = check_new(*staged, *installed, options);
    if (!version) return cli.report(version.error());
    return Update(cli, options, *std::move(installed)).run(*staged, *version);
}

}  // namespace

void add_update_command(CLI::App& app, Cli& cli) {
    const auto options = std::make_shared<UpdateOptions>();
    CLI::App* command = app.add_subcommand(
        "update", "Put another executable in the place of the installed one, and restart the service");
    takes_file(cli, command->add_option("file", options->file, "The new executable")->required()->type_name("FILE"));
    command->add_option("--name", options->name, "The service that runs it (default: lurus)")->type_name("NAME");
    command->add_option("--timeout", options->timeout_s, "How long it may take until it is ready (default: 60)")
        ->type_name("SECONDS")
        ->check(CLI::Range(1, 86'400), "");
    command->add_flag("--allow-downgrade", options->allow_downgrade, "Also to an older version");
    command->footer(
        "Examples:\n"
        "  sudo lurus update ./lurus\n"
        "  sudo lurus update ./lurus --timeout 300 --json\n"
        "It is checked first (that it runs here, and takes the configuration). The service drains, the former "
        "executable\n"
        "is kept beside the new one, and comes back when the new one does not become ready: exit code 1.");
    command->callback([&cli, options] { cli.run = [&cli, options] { return run_update(cli, *options); }; });
}

}  // namespace lurus::cli
