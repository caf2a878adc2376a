#include "cli/api_client.hpp"

#include <chrono>
#include <cstdlib>
#include <thread>
#include <utility>

#include "cli/api_tokens.hpp"
#include "control/state/control_plane.hpp"
#include "core/crypto/random_text.hpp"
#include "core/http/api_route.hpp"
#include "core/http/http_client.hpp"
#include "core/http/url.hpp"
#include "core/os/files.hpp"
#include "core/os/platform.hpp"
#include "core/os/server_file.hpp"

namespace lurus::cli {
namespace {

std::string target_of(std::string_view path, const std::map<std::string, std::string>& query) {
    std::string target(path);
    char separator = '?';
    for (const auto& [name, value] : query) {
        target += separator + percent_encode(name) + "=" + percent_encode(value);
        separator = '&';
    }
    return target;
}

constexpr std::chrono::milliseconds again_after{300};

class RemoteApi final : public ApiClient {
public:
    RemoteApi(ApiServer server, std::unique_ptr<ApiTokens> tokens)
        : base_(std::move(server.call)),
          url_(std::move(server.url)),
          tokens_(std::move(tokens)),
          gone_hint_(std::move(server.gone_hint)) {}

    Result<ApiResponse> call(std::string_view method, std::string_view path,
                             const std::map<std::string, std::string>& query, std::string_view body) override {
        HttpCall call = base_;
        call.method = method;
        call.target = target_of(path, query);
        call.body = body;
        if (method == "GET") return exchange(std::move(call));
        std::string key = next_idempotency_key();
        if (key.empty()) {
            const auto made = make_key("cli-");
            if (!made) return std::unexpected(made.error());
            key = made->reveal();
        }
        call.headers.emplace_back("idempotency-key", std::move(key));
        auto response = exchange(call);
        // It may have been done before the connection broke off: by its key it is done once.
        if (response || response.error().code != ErrorCode::unavailable) return response;
        std::this_thread::sleep_for(again_after);
        return exchange(std::move(call));
    }
    Result<ApiResponse> stream(std::string_view path, const std::map<std::string, std::string>& query,
                               const std::function<bool(std::string_view)>& take) override {
        HttpCall call = base_;
        call.target = target_of(path, query);
        call.on_piece = take;
        return exchange(std::move(call));
    }
    std::string server_url() const override { return url_; }
    ApiAccess access() const override { return tokens_->access(); }

private:
    Result<ApiResponse> exchange(HttpCall call) {
        const auto token = tokens_->token();
        if (!token) return std::unexpected(token.error());
        auto response = exchange_as(call, *token);
        if (!response || response->status != 401) return response;
        const auto other = tokens_->instead_of(*token);
        if (!other) return std::unexpected(other.error());
        return *other ? exchange_as(std::move(call), **other) : response;
    }
    Result<ApiResponse> exchange_as(HttpCall call, const Secret& token) {
        call.headers.emplace_back("authorization", "Bearer " + std::string(token.reveal()));
        call.headers.emplace_back("accept", "application/json");
        if (!call.body.empty()) call.headers.emplace_back("content-type", "application/json");
        auto answer = http_exchange(call);
        if (!answer) {
            return fail(answer.error().code,
                        "the server at " + url_ + " does not answer (" + answer.error().message + ")" + gone_hint_);
        }
        ApiResponse response;
        response.status = answer->status;
        response.content_type = answer->header("content-type");
        response.body = std::move(answer->body);
        response.headers = std::move(answer->headers);
        return response;
    }

    HttpCall base_;
    std::string url_;
    std::unique_ptr<ApiTokens> tokens_;
    std::string gone_hint_;
};

class LocalApi final : public ApiClient {
public:
    explicit LocalApi(std::unique_ptr<control::ControlPlane> plane) : plane_(std::move(plane)) {}
    LocalApi(const LocalApi&) = delete;
    LocalApi& operator=(const LocalApi&) = delete;
    // A mail that was promised leaves before the process does.
    ~LocalApi() override { plane_->settle(); }

    Result<ApiResponse> call(std::string_view method, std::string_view path,
                             const std::map<std::string, std::string>& query, std::string_view body) override {
        const std::string key = method == "GET" ? std::string() : next_idempotency_key();
        return whole_response(plane_->local(std::string(method), target_of(path, query), std::string(body), key));
    }
    Result<ApiResponse> stream(std::string_view path, const std::map<std::string, std::string>& query,
                               const std::function<bool(std::string_view)>& take) override {
        ApiResponse response = plane_->local("GET", target_of(path, query), {});
        if (response.status >= 300) return whole_response(std::move(response));
        if (!response.stream) {
            take(std::exchange(response.body, {}));
            return response;
        }
        const ApiStream next = std::exchange(response.stream, nullptr);
        for (;;) {
            const auto piece = next();
            if (!piece) return std::unexpected(piece.error());
            if (piece->bytes.empty() && piece->pause_ms == 0) return response;
            if (!piece->bytes.empty() && !take(piece->bytes)) return response;
            std::this_thread::sleep_for(std::chrono::milliseconds(piece->pause_ms));
        }
    }
    std::string server_url() const override { return {}; }

private:
    std::unique_ptr<control::ControlPlane> plane_;
};

std::string variable(const char* name) {
    return platform::variable(name).value_or("");
}

std::unique_ptr<ApiClient> remote(ApiServer server, std::unique_ptr<ApiTokens> tokens) {
    return std::make_unique<RemoteApi>(std::move(server), std::move(tokens));
}

Result<Secret> admin_token(const config::Config& config) {
    auto token = read_file(config.data_dir / token_file_name, 4096);
    if (!token) return fail(token.error().code, token.error().message + "; `lurus login` signs you in as yourself");
    while (!token->empty() && token->back() <= ' ') token->pop_back();
    return Secret(*std::move(token));
}

// Loopback first: a certificate rarely names 127.0.0.1, and this is our own process.
Result<ApiServer> address_of(const std::filesystem::path& data_dir, const ServerFile& server) {
    const std::string* best = nullptr;
    for (const std::string_view scheme : {"http://", "unix:", "https://"}) {
        for (const auto& address : server.addresses) {
            if (best == nullptr && address.starts_with(scheme)) best = &address;
        }
    }
    if (best == nullptr) return fail(ErrorCode::unavailable, "the running server listens nowhere");
    auto found = server_at(reachable_url(*best));
    if (!found) return found;
    found->gone_hint =
        "; it is process " + std::to_string(server.pid) + " by " + (data_dir / server_file_name).string();
    found->call.tls_verify = false;  // the folder's lock says that the process at this address is ours
    return found;
}

}  // namespace

std::string ApiClient::next_idempotency_key() {
    if (idempotency_key_.empty()) return {};
    return idempotency_key_ + "-" + std::to_string(++changes_);
}

Result<ApiServer> server_at(const std::string& url) {
    ApiServer server;
    server.url = url;
    server.call.connect_timeout_ms = 3000;
    server.call.timeout_ms = 120'000;  // a provider's test or model list takes as long as the vendor takes
    if (url.starts_with("unix:")) {
        server.call.unix_socket = url.substr(5);
        server.call.url.host = "localhost";
        server.call.url.port = 80;
        return server;
    }
    auto parsed = Url::parse(url);
    if (!parsed) return std::unexpected(parsed.error());
    server.call.url = std::move(*parsed);
    return server;
}

Result<std::optional<ApiServer>> running_server(const std::filesystem::path& data_dir) {
    const auto lock = data_dir / lock_file_name;
    // A server that is starting holds the lock before it has noted its address.
    for (int i = 0; i < 50 && platform::FileLock::held(lock); ++i) {
        const auto noted = read_server_file(data_dir);
        if (noted && platform::process_alive(noted->pid)) {
            auto server = address_of(data_dir, *noted);
            if (!server) return std::unexpected(server.error());
            return *std::move(server);
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    if (platform::FileLock::held(lock)) {
        return fail(ErrorCode::unavailable,
                    "a server holds the data folder " + data_dir.string() +
                        " but has not said where it listens (is the disk full?); LURUS_URL and LURUS_ADMIN_TOKEN "
                        "say it, too");
    }
    return std::nullopt;
}

Result<std::optional<Login>> find_login(const LoginStore& store, const config::Config& config, const std::string& url) {
    if (!url.empty()) {
        const auto name = server_name(url);
        if (!name) return std::unexpected(name.error());
        return store.find(*name);
    }
    if (!config.chosen) {
        auto current = store.current();
        if (!current || *current) return current;
    }
    return store.find_folder(config.data_dir);
}

Result<std::unique_ptr<ApiClient>> open_login(const LoginStore& store, const Login& login) {
    const auto find = [&]() -> Result<std::optional<ApiServer>> {
        if (!login.data_dir.empty()) return running_server(login.data_dir);
        auto named = server_at(login.server);
        if (!named) return std::unexpected(named.error());
        return *std::move(named);
    };
    auto server = find();
    if (!server) return std::unexpected(server.error());
    if (!*server) {
        return fail(ErrorCode::unavailable, "no server runs on " + login.data_dir.string() +
                                                ", where you are signed in as " + login.email +
                                                ": start it, or `lurus logout` to work on the folder itself");
    }
    (*server)->call.ca_file = login.ca_file;
    (*server)->gone_hint = "; you are signed in there, `lurus logout` ends that";
    auto tokens = tokens_of(store, login, (*server)->call, system_clock());
    return remote(**std::move(server), std::move(tokens));
}

namespace {

// Null: nobody signed in where this command goes.
Result<std::unique_ptr<ApiClient>> open_login_of(const config::Config& config, const std::string& url) {
    const auto store = LoginStore::of_process();
    if (!store) return nullptr;
    const auto login = find_login(*store, config, url);
    if (!login) return std::unexpected(login.error());
    return *login ? open_login(*store, **login) : Result<std::unique_ptr<ApiClient>>(nullptr);
}

}  // namespace

Result<std::unique_ptr<ApiClient>> open_api(const config::Config& config, const FolderOpener& open_folder,
                                            ActingAs acting) {
    const std::string url = variable("LURUS_URL"), given = variable("LURUS_ADMIN_TOKEN");
    if (given.empty() && (acting == ActingAs::person || !url.empty())) {
        auto person = open_login_of(config, url);
        if (!person || *person) return person;
    }
    if (!url.empty()) {
        if (given.empty()) {
            return fail(
                ErrorCode::unauthenticated,
                "LURUS_URL is set and nobody is signed in there: run `lurus login`, or set LURUS_ADMIN_TOKEN to "
                "the text of admin.token in that server's data folder");
        }
        auto server = server_at(url);
        if (!server) return std::unexpected(server.error());
        server->gone_hint = "; LURUS_URL says so";
        return remote(*std::move(server), one_token(Secret(given), "LURUS_ADMIN_TOKEN"));
    }
    auto server = running_server(config.data_dir);
    if (!server) return std::unexpected(server.error());
    if (*server) {
        if (!given.empty()) return remote(**std::move(server), one_token(Secret(given), "LURUS_ADMIN_TOKEN"));
        auto token = admin_token(config);
        if (!token) return std::unexpected(token.error());
        return remote(**std::move(server), one_token(*std::move(token), "admin.token"));
    }
    auto plane = open_folder(config);
    if (!plane) return std::unexpected(plane.error());
    return std::make_unique<LocalApi>(std::move(*plane));
}

}  // namespace lurus::cli
