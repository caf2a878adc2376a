// `lurus login` and `logout`.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <algorithm>
#include <cstdlib>
#include <memory>
#include <ostream>

#include "cli/cli.hpp"
#include "cli/cli_format.hpp"
#include "cli/cmd_connect.hpp"
#include "cli/cmd_whoami.hpp"
#include "core/crypto/random_text.hpp"
#include "core/crypto/sha256.hpp"
#include "core/os/platform.hpp"
#include "core/os/terminal.hpp"

namespace lurus::cli {
namespace {

struct LoginOptions {
    std::string server, email, totp, recovery_code, provider, ca_file;
    bool password_stdin = false, everywhere = false;
};

/// Where to sign in, and what is known of it.
struct SignInPlace {
    ApiServer server;
    std::filesystem::path data_dir;  // where it is the server of this folder
};

Outcome<SignInPlace> place_of(const ApiServer& server, const std::filesystem::path& data_dir) {
    return SignInPlace{server, data_dir};
}

Outcome<SignInPlace> sign_in_place(Cli& cli, const LoginOptions& options) {
    std::string named = options.server;
    if (named.empty()) named = platform::variable("LURUS_URL").value_or("");
    auto settings = cli.config();
    if (!settings && named.empty()) return std::unexpected(settings.error());
    std::optional<ApiServer> own;
    if (settings) {
        auto running = running_server((*settings)->data_dir);
        if (!running && named.empty()) return std::unexpected(failure_of(running.error()));
        if (running) own = *std::move(running);
    }
    if (named.empty() && own) return place_of(*own, (*settings)->data_dir);
    // Another user's server on this machine has its folder elsewhere, and listens where one does by default.
    if (named.empty()) named = configured_url(**settings);
    if (named.empty())
        return std::unexpected(
            Failure{exit_usage, "no server runs here: name one, such as `lurus login https://gw.example.com`"});
    const auto name = server_name(named);
    if (!name) return std::unexpected(failure_of(name.error()));
    if (own && own->url == *name) return place_of(*own, (*settings)->data_dir);
    auto server = server_at(*name);
    if (!server) return std::unexpected(failure_of(server.error()));
    if (!options.ca_file.empty()) server->call.ca_file = std::filesystem::absolute(options.ca_file).string();
    return place_of(*server, {});
}

Outcome<HttpAnswer> ask(const ApiServer& server, std::string method, std::string target, const Json& body) {
    HttpCall call = server.call;
    call.method = std::move(method);
    call.target = std::move(target);
    call.headers = {{"accept", "application/json"}};
    if (!body.is_null()) {
        call.headers.emplace_back("content-type", "application/json");
        call.body = dump(body);
    }
    auto answer = http_exchange(call);
    if (answer) return *std::move(answer);
    const int exit = answer.error().code == ErrorCode::invalid_argument ? exit_usage : exit_unreachable;
    return std::unexpected(
        Failure{exit, fmt::format("the server at {} does not answer ({})", server.url, answer.error().message)});
}

Failure refused(const HttpAnswer& answer) {
    ApiResponse response;
    response.status = answer.status;
    response.body = answer.body;
    return failure_of(response);
}

// A code of an authenticator app has digits only, a recovery code letters, too.
void add_factor(Json& body, const std::string& code) {
    const bool digits = std::ranges::all_of(code, [](char c) { return (c >= '0' && c <= '9') || c == ' '; });
    body[digits ? "totp" : "recovery_code"] = code;
}

Outcome<std::string> by_password(const ApiServer& server, const LoginOptions& options) {
    Json body = Json::object();
    std::string email = options.email;
    if (email.empty() && !stdin_is_terminal())
        return std::unexpected(Failure{exit_usage, "whose sign-in? Give --email ADDRESS"});
    if (email.empty()) {
        auto typed = read_line("Address: ");
        if (!typed) return std::unexpected(failure_of(typed.error()));
        email = *std::move(typed);
    }
    if (!options.password_stdin && !stdin_is_terminal())
        return std::unexpected(
            Failure{exit_usage, "standard input is no terminal: pipe the password in with --password-stdin"});
    auto password = read_secret("Password (not shown): ");
    if (!password) return std::unexpected(Failure{exit_usage, "no password came"});
    body["email"] = email;
    body["password"] = *password;
    if (!options.totp.empty()) body["totp"] = options.totp;
    if (!options.recovery_code.empty()) body["recovery_code"] = options.recovery_code;
    auto answer = ask(server, "POST", "/api/v1/auth/login", body);
    if (!answer) return std::unexpected(answer.error());
    if (answer->status == 401 && flag_of(Json::parse(answer->body, nullptr, false), "totp_required")) {
        if (!stdin_is_terminal())
            return std::unexpected(
                Failure{exit_failed, "a second factor is needed: give --totp CODE, or --recovery-code CODE"});
        const auto code = read_line("Code of the authenticator app, or a recovery code: ");
        if (!code) return std::unexpected(failure_of(code.error()));
        add_factor(body, *code);
        answer = ask(server, "POST", "/api/v1/auth/login", body);
        if (!answer) return std::unexpected(answer.error());
    }
    if (answer->status != 200) return std::unexpected(refused(*answer));
    return answer->body;
}

// The page shows a code that is good in this process only, which keeps the verifier; nothing listens here, so that it
// works over SSH as well.
Outcome<std::string> by_provider(Cli& cli, const ApiServer& server, const LoginOptions& options) {
    const auto verifier = make_key("");
    if (!verifier) return std::unexpected(failure_of(verifier.error()));
    const std::string start =
        "/api/v1/auth/oidc/" + percent_encode(options.provider) + "/start?challenge=" + sha256_hex(verifier->reveal());
    auto begun = ask(server, "GET", start, nullptr);
    if (!begun) return std::unexpected(begun.error());
    if (begun->status != 303) return std::unexpected(refused(*begun));
    const std::string page = text_of(Json::parse(begun->body, nullptr, false), "page");
    if (page.empty())
        return std::unexpected(Failure{exit_failed, "this server cannot sign in a command by a provider; it is older"});
    cli.err << "Open this in a browser, and sign in:\n\n  " << page << "\n\n";
    cli.err.flush();
    const auto code = read_line("The code that it shows then: ");
    if (!code) return std::unexpected(failure_of(code.error()));
    auto answer = ask(server, "POST", "/api/v1/auth/code", {{"code", *code}, {"verifier", verifier->reveal()}});
    if (!answer) return std::unexpected(answer.error());
    if (answer->status != 200) return std::unexpected(refused(*answer));
    return answer->body;
}

Outcome<LoginStore> own_store() {
    auto store = LoginStore::of_process();
    if (store) return *std::move(store);
    return std::unexpected(Failure{exit_failed, "there is no folder for a sign-in: set HOME or XDG_CONFIG_HOME"});
}

Result<void> end_session(const LoginStore& store, const Login& login, bool everywhere) {
    auto api = open_login(store, login);
    if (!api) return std::unexpected(api.error());
    const auto answer = (*api)->call("POST", "/api/v1/auth/logout", {}, dump({{"all", everywhere}}));
    if (!answer) return std::unexpected(answer.error());
    if (answer->status < 300) return {};
    return fail(ErrorCode::internal, failure_of(*answer).message);
}

// The session that this machine had there would be nobody's any more.
void end_earlier(Cli& cli, const LoginStore& store, const std::string& server) {
    const auto earlier = store.find(server);
    if (!earlier || !*earlier) return;
    const auto ended = end_session(store, **earlier, false);
    if (!ended && ended.error().code != ErrorCode::unauthenticated)
        cli.err << "lurus: your earlier session there goes on: " << printable(ended.error().message) << "\n";
}

Result<void> keep(const LoginStore& store, const Login& login) {
    const auto lock = store.lock();
    if (!lock) return std::unexpected(lock.error());
    if (auto saved = store.save(login); !saved) return saved;
    return store.make_current(login);
}

int log_in(Cli& cli, const LoginOptions& options) {
    const auto place = sign_in_place(cli, options);
    if (!place) return cli.report(place.error());
    const auto store = own_store();
    if (!store) return cli.report(store.error());
    const ApiServer& server = place->server;
    if (server.url.starts_with("http://") && place->data_dir.empty() && !server.url.starts_with("http://127.") &&
        !server.url.starts_with("http://localhost") && !server.url.starts_with("http://[::1]"))
        cli.err << "lurus: " << server.url << " is not encrypted: whoever is on the way can read the password\n";
    const auto answer = options.provider.empty() ? by_password(server, options) : by_provider(cli, server, options);
    if (!answer) return cli.report(answer.error());
    Login login;
    login.server = server.url;
    login.data_dir = place->data_dir;
    login.ca_file = server.call.ca_file;
    auto made = with_tokens(std::move(login), *answer, cli.clock.now());
    if (!made) return cli.report(failure_of(made.error()));
    made->method = text_of(Json::parse(*answer, nullptr, false), "method");
    end_earlier(cli, *store, made->server);
    if (auto kept = keep(*store, *made); !kept) return cli.report(failure_of(kept.error()));
    if (!platform::variable("LURUS_ADMIN_TOKEN").value_or("").empty())
        cli.err << "lurus: LURUS_ADMIN_TOKEN is set, and commands go by it until it is not\n";
    if (cli.json) {
        auto api = open_login(*store, *made);
        return show_whoami(cli, api ? whoami(**api) : Outcome<Json>(std::unexpected(failure_of(api.error()))));
    }
    cli.out << fmt::format("Signed in at {} as {}.\n", server.url, printable(made->email));
    return exit_ok;
}

Outcome<Login> login_here(Cli& cli, const LoginStore& store, const LoginOptions& options) {
    std::string url = options.server;
    if (url.empty()) url = platform::variable("LURUS_URL").value_or("");
    config::Config none;
    const config::Config* settings = &none;
    if (url.empty()) {
        auto loaded = cli.config();
        if (!loaded) return std::unexpected(loaded.error());
        settings = *loaded;
    }
    auto login = find_login(store, *settings, url);
    if (!login) return std::unexpected(failure_of(login.error()));
    if (*login) return **std::move(login);
    return std::unexpected(
        Failure{exit_not_found, url.empty() ? "nobody is signed in here" : "nobody is signed in at " + url});
}

// What is not known at the server any more is gone from here as well; what could not be asked is said.
int log_out(Cli& cli, const LoginOptions& options) {
    const auto store = own_store();
    if (!store) return cli.report(store.error());
    const auto login = login_here(cli, *store, options);
    if (!login) return cli.report(login.error());
    const auto ended = end_session(*store, *login, options.everywhere);
    const bool away =
        !ended && (ended.error().code == ErrorCode::unavailable || ended.error().code == ErrorCode::timeout);
    if (!ended && !away && ended.error().code != ErrorCode::unauthenticated)
        return cli.report(failure_of(ended.error()));
    {
        const auto lock = store->lock();
        if (!lock) return cli.report(failure_of(lock.error()));
        if (auto removed = store->remove(*login); !removed) return cli.report(failure_of(removed.error()));
    }
    if (away)
        return cli.report({exit_unreachable, fmt::format("signed out here; {} does not answer, so the session there "
                                                         "ends by itself on {}",
                                                         login->server, format_date_time(local_time(login->expires)))});
    if (!cli.json) cli.out << fmt::format("Signed out of {}.\n", login->server);
    return exit_ok;
}

void add_server(CLI::App& command, LoginOptions& options, const char* what) {
    command.add_option("--server,server", options.server, what)->type_name("URL")->take_last();
}

void add_login(CLI::App& app, Cli& cli) {
    const auto options = std::make_shared<LoginOptions>();
    CLI::App* command = app.add_subcommand("login", "Sign in: from then on commands act with your rights and name");
    add_server(*command, *options, "The server (default: LURUS_URL, else the one that runs here)");
    command->add_option("--email", options->email, "Your address (else it is asked for)")->type_name("ADDRESS");
    command->add_flag("--password-stdin", options->password_stdin, "Read the password from standard input");
    command->add_option("--totp", options->totp, "The code of the authenticator app, where there is one")
        ->type_name("CODE");
    command->add_option("--recovery-code", options->recovery_code, "A recovery code instead")->type_name("CODE");
    command->add_option("--provider", options->provider, "By this identity provider, in a browser")->type_name("NAME");
    takes_file(
        cli,
        command->add_option("--ca-file", options->ca_file, "PEM with roots beside the system's")->type_name("FILE"));
    command->footer(
        "Examples:\n"
        "  lurus login\n"
        "  lurus login https://gw.example.com --email ann@example.com\n"
        "  lurus login --email ann@example.com --password-stdin < password\n"
        "  lurus login https://gw.example.com --provider corp");
    command->callback([&cli, options] { cli.run = [&cli, options] { return log_in(cli, *options); }; });
}

}  // namespace

void add_login_commands(CLI::App& app, Cli& cli) {
    add_login(app, cli);
    const auto options = std::make_shared<LoginOptions>();
    CLI::App* logout = app.add_subcommand("logout", "Sign out: ends the session, and forgets it here");
    add_server(*logout, *options, "The server (default: the one that commands act at)");
    logout->add_flag("--everywhere", options->everywhere, "End all your sessions, also in browsers");
    logout->footer("Examples:\n  lurus logout\n  lurus logout --everywhere");
    logout->callback([&cli, options] { cli.run = [&cli, options] { return log_out(cli, *options); }; });
    add_whoami_command(app, cli);
}

}  // namespace lurus::cli
