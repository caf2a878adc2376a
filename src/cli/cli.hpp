#pragma once
// What every command works with: the global options, the output, the management API, the way errors become exit codes.

#include <expected>
#include <functional>
#include <iosfwd>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/api_client.hpp"
#include "cli/table.hpp"
#include "config/config.hpp"
#include "core/http/url.hpp"
#include "core/json/json_value.hpp"
#include "lurus/clock.hpp"
#include "lurus/result.hpp"
#include "lurus/sync.hpp"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace lurus::cli {

/// Documented in docs/cli.md; scripts rely on the numbers.
enum Exit : int {
    exit_ok = 0,
    exit_failed = 1,
    exit_usage = 2,
    exit_not_found = 3,
    exit_unreachable = 4,
    exit_conflict = 5
};

/// Why a command ends without its result: one line for people, one number for scripts.
struct Failure {
    int exit = exit_failed;
    std::string message;
    std::vector<std::string> more = {};  // further mistakes of the same kind, a line each
};
template <class T>
using Outcome = std::expected<T, Failure>;

Failure failure_of(const Error& error);
/// From an RFC 9457 body; without one, from the status.
Failure failure_of(const ApiResponse& response);

using ApiOpener = std::function<Result<std::unique_ptr<ApiClient>>(const config::Config&)>;
/// Runs the server until it is told to end and gives the exit code; `for_script`: what it prints holds no secret link.
using Server = std::function<int(const config::ConfigFlags& flags, bool for_script)>;
/// Whether a server would start with this configuration.
using Judge = std::function<Result<void>(const config::Config&)>;
/// Moves the data folder that nobody serves.
enum class MoveTo : std::uint8_t { postgres, sqlite };
using Migrate = std::function<Result<Moved>(const config::Config&, MoveTo, const MoveProgress&)>;

/// Owned by run_cli (or a test); one thread.
class Cli {
public:
    Cli(std::ostream& out, std::ostream& err, ApiOpener open, const Clock& clock);

    std::ostream& out;
    std::ostream& err;
    const Clock& clock;
    config::ConfigFlags flags;
    std::string config_flag, data_dir_flag, idempotency_key;  // as typed; empty = not given
    bool json = false;
    bool no_color = false;
    /// The command takes somebody's access away, or shows what there is to take: it works on the data folder even while
    /// the configuration file has mistakes and no server runs.
    bool emergency = false;
    Style style;                                  // from the terminal, set before `run`
    Server serve;                                 // set before `run`
    ApiOpener open_machine;                       // as `open`, whoever is signed in; set before `run`
    Judge judge;                                  // set before `run`
    Migrate migrate;                              // set before `run`
    std::function<int()> run;                     // the chosen command
    std::function<std::string()> output_problem;  // why `out` could not be written; null = it does not say
    /// What an option or positional takes, for completion.
    std::map<const CLI::Option*, std::vector<std::string>> choices;
    std::map<const CLI::Option*, bool> files;  // true = a folder

    /// Loaded at the first call.
    Outcome<const config::Config*> config();
    /// From now on acts as this machine's administrator, whoever is signed in.
    void act_as_machine();
    /// Opened at the first call, also with a configuration file that has mistakes where that is safe: then a warning
    /// says so; `reopen` forgets a connection whose server went away.
    Outcome<ApiClient*> api();
    void reopen() {
        api_.reset();
        unreachable_.reset();
    }
    /// Whether a server can be expected to answer; cheap, opens nothing.
    [[nodiscard]] bool server_expected();

    /// A 2xx body as JSON (null when empty); anything else as a Failure.
    Outcome<Json> call(std::string_view method, std::string_view path,
                       const std::map<std::string, std::string>& query = {}, const Json& body = nullptr);
    Outcome<Json> get(std::string_view path, const std::map<std::string, std::string>& query = {}) {
        return call("GET", path, query);
    }

    /// Whether all that was printed has left: what is shown only once is lost otherwise.
    [[nodiscard]] bool shown();
    /// Reports that `out` could not be written, and what became of it.
    int report_unwritten(const std::string& consequence);
    /// After the command: its exit code, unless what it printed could not be written.
    int end(int code);

    /// Prints `lurus: ...` on the error stream, for each mistake, and gives the exit code.
    int report(const Failure& failure);
    void print_json(const Json& value);
    /// Each element of `data` (or of an array) on a line of its own.
    void print_json_lines(const Json& body);

private:
    /// As far as a way to the API needs it.
    Outcome<const config::Config*> config_for_api();

    ApiOpener open_;
    std::unique_ptr<config::Config> config_;
    std::unique_ptr<config::Config> outline_;  // of a file with mistakes
    std::unique_ptr<ApiClient> api_;
    std::optional<Failure> unreachable_;  // why there is no client: a command that asks again does not wait again
    bool told_unwritten_ = false;
};

/// Limits an option to these values and offers them for completion.
CLI::Option* choose(Cli& cli, CLI::Option* option, std::vector<std::string> values);
CLI::Option* takes_file(Cli& cli, CLI::Option* option);

/// The whole command tree on `app`, each leaf setting `cli.run`.
void build_commands(CLI::App& app, Cli& cli);

/// Parses and runs; gives the exit code.
int run_cli(int argc, const char* const* argv, Cli& cli);

void add_serve_command(CLI::App& app, Cli& cli);
void add_provider_commands(CLI::App& app, Cli& cli);
void add_route_commands(CLI::App& app, Cli& cli);
void add_key_commands(CLI::App& app, Cli& cli);
/// `login`, `logout`, `whoami`
void add_login_commands(CLI::App& app, Cli& cli);
/// `user`, `service` with the accounts, `team`, `org`
void add_people_commands(CLI::App& app, Cli& cli);
/// The rest of `service`, which is there.
void add_service_commands(CLI::App& app, Cli& cli);
void add_update_command(CLI::App& app, Cli& cli);
void add_audit_commands(CLI::App& app, Cli& cli);
void add_logs_command(CLI::App& app, Cli& cli);
void add_usage_command(CLI::App& app, Cli& cli);
void add_limit_use_command(CLI::App& app, Cli& cli);
void add_price_commands(CLI::App& app, Cli& cli);
void add_trace_command(CLI::App& app, Cli& cli);
void add_connect_command(CLI::App& app, Cli& cli);
void add_doctor_command(CLI::App& app, Cli& cli);
void add_config_commands(CLI::App& app, Cli& cli);
/// `backup` and `restore`
void add_backup_commands(CLI::App& app, Cli& cli);
/// `mode`, `sync` and `nodes`
void add_mode_commands(CLI::App& app, Cli& cli);
void add_migrate_command(CLI::App& app, Cli& cli);
void add_version_command(CLI::App& app, Cli& cli);
void add_completion_command(CLI::App& app, Cli& cli);

}  // namespace lurus::cli
