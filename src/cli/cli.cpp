#include "cli/cli.hpp"

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <cstdlib>
#include <ostream>

#include "control/state/control_plane.hpp"
#include "core/os/platform.hpp"
#include "core/os/version.hpp"
#include "core/text/edit_distance.hpp"

namespace lurus::cli {
namespace {

int exit_for(ErrorCode code) {
    switch (code) {
        case ErrorCode::invalid_argument: return exit_usage;
        case ErrorCode::not_found: return exit_not_found;
        case ErrorCode::conflict:
        case ErrorCode::stale: return exit_conflict;
        case ErrorCode::unavailable:
        case ErrorCode::timeout: return exit_unreachable;
        default: return exit_failed;
    }
}

int exit_for_status(int status) {
    switch (status) {
        case 400:
        case 422: return exit_usage;
        case 404: return exit_not_found;
        case 409: return exit_conflict;
        default: return exit_failed;
    }
}

bool names_server() {
    return !platform::variable("LURUS_URL").value_or("").empty();
}

std::string one_line(std::string_view text) {
    std::string out;
    for (char c : text) out += c == '\n' || c == '\r' ? ' ' : c;
    return printable(out);
}

/// Every command takes the global options, wherever they stand, so that they show in each one's help.
void add_globals(CLI::App& app, Cli& cli) {
    constexpr const char* group = "Global options";
    app.allow_windows_style_options(false);  // on Windows, `/c/data` would be an option
    app.set_help_flag("-h,--help", "Print this help and exit")->group(group);
    takes_file(cli, app.add_option("--config", cli.config_flag, "Configuration file (default: lurus.toml, looked for)")
                        ->type_name("FILE")
                        ->take_last()
                        ->group(group));
    CLI::Option* data =
        app.add_option("--data-dir", cli.data_dir_flag, "Data folder")->type_name("DIR")->take_last()->group(group);
    cli.files[data] = true;
    app.add_option("--idempotency-key", cli.idempotency_key,
                   "Run again with the same key within 24 hours, a change is not made twice")
        ->type_name("KEY")
        ->take_last()
        ->group(group);
    app.add_flag("--json", cli.json, "Print JSON for scripts")->group(group);
    app.add_flag("--no-color", cli.no_color, "No colours (also: NO_COLOR)")->group(group);
    for (CLI::App* sub : app.get_subcommands([](CLI::App*) { return true; })) add_globals(*sub, cli);
}

CLI::App* deepest(CLI::App& app) {
    CLI::App* at = &app;
    while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
    return at;
}

/// What stands before the command's own name in its usage line.
std::string parents_of(const CLI::App* app) {
    const CLI::App* parent = app->get_parent();
    if (parent == nullptr) return {};
    std::string above = parents_of(parent);
    return above.empty() ? parent->get_name() : above + " " + parent->get_name();
}

std::string command_path(const CLI::App* app) {
    std::string above = parents_of(app);
    return above.empty() ? app->get_name() : above + " " + app->get_name();
}

Failure usage_failure(const CLI::App& at, const CLI::ParseError& error) {
    std::string path = command_path(&at);
    std::string what = error.what();
    auto subcommands = at.get_subcommands([](const CLI::App*) { return true; });
    std::vector<std::string> rest = at.remaining();
    if (!subcommands.empty() && !rest.empty() && !rest.front().starts_with("-")) {
        what = fmt::format("unknown command '{}'", rest.front());
        const CLI::App* best = nullptr;
        std::size_t distance = 3;
        for (const CLI::App* sub : subcommands) {
            if (std::size_t d = edit_distance(rest.front(), sub->get_name()); d < distance) {
                distance = d;
                best = sub;
            }
        }
        if (best != nullptr) what += fmt::format(", did you mean '{}'?", best->get_name());
    } else if (!rest.empty()) {
        what = fmt::format("'{}' was not expected", rest.front());
    }
    return {exit_usage, fmt::format("{}: see `{} --help`", what, path)};
}

}  // namespace

// What the configuration's reader says holds a mistake a line; other texts may quote somebody's line breaks.
Failure failure_of(const Error& error) {
    Failure failure{exit_for(error.code), error.message};
    if (error.code != ErrorCode::invalid_argument) return failure;
    std::size_t end = 0;
    for (std::size_t at = 0; (end = error.message.find('\n', at)) != std::string::npos; at = end + 1)
        failure.more.push_back(error.message.substr(at, end - at));
    if (failure.more.empty()) return failure;
    failure.more.push_back(error.message.substr(error.message.rfind('\n') + 1));
    failure.message = failure.more.front();
    failure.more.erase(failure.more.begin());
    return failure;
}

Failure failure_of(const ApiResponse& response) {
    Json body = Json::parse(response.body, nullptr, false);
    std::string detail = text_of(body, "detail");
    if (detail.empty()) detail = text_of(body, "title");
    if (detail.empty()) detail = fmt::format("the server answered {}", response.status);
    return {exit_for_status(response.status), detail};
}

Cli::Cli(std::ostream& o, std::ostream& e, ApiOpener open, const Clock& c)
    : out(o), err(e), clock(c), open_(std::move(open)) {}

Outcome<const config::Config*> Cli::config() {
    if (!config_) {
        auto loaded = config::load_config(flags);
        if (!loaded) return std::unexpected(failure_of(loaded.error()));
        config_ = std::make_unique<config::Config>(std::move(*loaded));
    }
    return config_.get();
}

void Cli::act_as_machine() {
    if (open_machine) open_ = open_machine;
}

Outcome<const config::Config*> Cli::config_for_api() {
    auto whole = config();
    if (whole) return whole;
    if (outline_) return outline_.get();
    const auto file = config::find_config_file(flags, config::Environment::of_process());
    if (!file || file->empty()) return whole;  // the one that was named is not there
    auto outline = std::make_unique<config::Config>(config::load_outline(flags));
    const bool served = names_server() || platform::FileLock::held(outline->data_dir / lock_file_name);
    if (!served && !emergency) return whole;
    outline_ = std::move(outline);
    err << "lurus: warning: " << one_line(whole.error().message) << "; "
        << (served ? "the running server is asked all the same"
                   : "going on with the data folder " + outline_->data_dir.string() + " all the same")
        << "\n";
    return outline_.get();
}

Outcome<ApiClient*> Cli::api() {
    if (unreachable_) return std::unexpected(*unreachable_);
    if (!api_) {
        auto settings = config_for_api();
        if (!settings) return std::unexpected(settings.error());
        auto opened = open_(**settings);
        if (!opened) {
            unreachable_ = failure_of(opened.error());
            return std::unexpected(*unreachable_);
        }
        api_ = std::move(*opened);
        api_->set_idempotency_key(idempotency_key);
    }
    return api_.get();
}

bool Cli::server_expected() {
    if (names_server()) return true;
    auto settings = config_for_api();
    const auto store = LoginStore::of_process();
    if (settings && store) {
        const auto login = find_login(*store, **settings, {});
        if (login && *login) return true;
    }
    return settings && platform::FileLock::held((*settings)->data_dir / lock_file_name);
}

Outcome<Json> Cli::call(std::string_view method, std::string_view path, const std::map<std::string, std::string>& query,
                        const Json& body) {
    auto client = api();
    if (!client) return std::unexpected(client.error());
    auto response = (*client)->call(method, path, query, body.is_null() ? std::string() : dump(body));
    if (!response) return std::unexpected(failure_of(response.error()));
    if (response->status < 200 || response->status >= 300) return std::unexpected(failure_of(*response));
    if (response->body.empty()) return Json();
    Json parsed = Json::parse(response->body, nullptr, false);
    if (parsed.is_discarded()) {
        return std::unexpected(Failure{
            exit_failed, fmt::format("{} {}: the answer is not JSON: is that address a lurus server?", method, path)});
    }
    return parsed;
}

int Cli::report(const Failure& failure) {
    out.flush();
    err << "lurus: " << one_line(failure.message) << "\n";
    for (const auto& mistake : failure.more) err << "lurus: " << one_line(mistake) << "\n";
    return failure.exit;
}

bool Cli::shown() {
    out.flush();
    return out.good();
}

int Cli::report_unwritten(const std::string& consequence) {
    const std::string why = output_problem ? output_problem() : std::string();
    err << "lurus: standard output could not be written" << (why.empty() ? "" : " (" + why + ")")
        << (consequence.empty() ? "" : ": " + one_line(consequence)) << "\n";
    told_unwritten_ = true;
    return exit_failed;
}

int Cli::end(int code) {
    if (shown()) return code;
    if (!told_unwritten_) report_unwritten("");
    return code == exit_ok ? static_cast<int>(exit_failed) : code;
}

void Cli::print_json(const Json& value) {
    out << dump(value) << "\n";
}

void Cli::print_json_lines(const Json& body) {
    for (const auto& item : list_of(body)) print_json(item);
}

CLI::Option* choose(Cli& cli, CLI::Option* option, std::vector<std::string> values) {
    std::string names;
    for (const auto& value : values) names += (names.empty() ? "" : "|") + value;
    option->type_name(names);
    option->check(
        [values, names](const std::string& given) {
            if (std::find(values.begin(), values.end(), given) != values.end()) return std::string();
            return fmt::format("'{}' is none of {}", given, names);
        },
        "");
    cli.choices[option] = std::move(values);
    return option;
}

CLI::Option* takes_file(Cli& cli, CLI::Option* option) {
    cli.files[option] = false;
    return option;
}

void build_commands(CLI::App& app, Cli& cli) {
    app.name("lurus");
    app.description("Lurus Switch relays AI clients to model vendors, and records what each request cost.");
    app.get_formatter()->column_width(36);
    app.footer(
        "Examples:\n"
        "  lurus serve                                   start on 127.0.0.1:18100\n"
        "  lurus provider add anthropic --kind anthropic --api-key-env ANTHROPIC_API_KEY\n"
        "  lurus connect claude                          point Claude Code here\n"
        "  lurus logs -f                                 watch requests as they end\n"
        "  lurus usage --by model --since 7d             what they cost\n"
        "Exit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 server unreachable, 5 exists already.");
    app.add_flag_callback(
           "--version", [] { throw CLI::CallForVersion(fmt::format("lurus {}", version()), 0); },
           "Print the version and exit")
        ->group("Global options");
    add_serve_command(app, cli);
    add_connect_command(app, cli);
    add_doctor_command(app, cli);
    add_provider_commands(app, cli);
    add_route_commands(app, cli);
    add_key_commands(app, cli);
    add_people_commands(app, cli);
    add_service_commands(app, cli);
    add_login_commands(app, cli);
    add_logs_command(app, cli);
    add_trace_command(app, cli);
    add_usage_command(app, cli);
    add_limit_use_command(app, cli);
    add_price_commands(app, cli);
    add_audit_commands(app, cli);
    add_config_commands(app, cli);
    add_backup_commands(app, cli);
    add_mode_commands(app, cli);
    add_migrate_command(app, cli);
    add_update_command(app, cli);
    add_completion_command(app, cli);
    add_version_command(app, cli);
    add_globals(app, cli);
}

namespace {

int parse_and_run(int argc, const char* const* argv, Cli& cli) {
    CLI::App app;
    build_commands(app, cli);
    try {
        app.parse(argc, argv);
    } catch (const CLI::CallForVersion& version_text) {
        cli.out << version_text.what() << "\n";
        return exit_ok;
    } catch (const CLI::Success&) {
        cli.out << deepest(app)->help(parents_of(deepest(app)));
        return exit_ok;
    } catch (const CLI::ParseError& error) {
        return cli.report(usage_failure(*deepest(app), error));
    }
    if (!cli.run) {
        cli.err << deepest(app)->help(parents_of(deepest(app)));
        return exit_usage;
    }
    if (cli.no_color || cli.json) cli.style.color = false;
    if (!cli.config_flag.empty()) cli.flags.config_file = cli.config_flag;
    if (!cli.data_dir_flag.empty()) cli.flags.data_dir = cli.data_dir_flag;
    return cli.run();
}

}  // namespace

int run_cli(int argc, const char* const* argv, Cli& cli) {
    return cli.end(parse_and_run(argc, argv, cli));
}

}  // namespace lurus::cli
