#include "cli/api_client.hpp"

#include <chrono>
#include <cstdlib>
#include <thread>
#include <utility>

#include "control/state/control_plane.hpp"
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

class RemoteApi final : public ApiClient {
public:
    RemoteApi(HttpCall base, std::string url, Secret token, std::string gone_hint)
        : base_(std::move(base)), url_(std::move(url)), token_(std::move(token)), gone_hint_(std::move(gone_hint)) {}

    Result<ApiResponse> call(std::string_view method, std::string_view path,
                             const std::map<std::string, std::string>& query, std::string_view body) override {
        HttpCall call = base_;
        call.method = method;
        call.target = target_of(path, query);
        call.body = body;
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

private:
    Result<ApiResponse> exchange(HttpCall call) {
        call.headers = {{"authorization", "Bearer " + std::string(token_.reveal())}, {"accept", "application/json"}};
        if (!call.body.empty()) call.headers.emplace_back("content-type", "application/json");
        auto answer = http_exchange(call);
        if (!answer) {
            const bool away =
                answer.error().code == ErrorCode::unavailable || answer.error().code == ErrorCode::timeout;
            return fail(away ? ErrorCode::unavailable : answer.error().code,
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
    Secret token_;
    std::string gone_hint_;
};

class LocalApi final : public ApiClient {
public:
    explicit LocalApi(std::unique_ptr<control::ControlPlane> plane) : plane_(std::move(plane)) {}

    Result<ApiResponse> call(std::string_view method, std::string_view path,
                             const std::map<std::string, std::string>& query, std::string_view body) override {
        return whole_response(plane_->local(std::string(method), target_of(path, query), std::string(body)));
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

Result<std::unique_ptr<ApiClient>> remote(const std::string& url, Secret token, const std::string& gone_hint) {
    HttpCall base;
    base.connect_timeout_ms = 3000;
    base.timeout_ms = 120'000;  // a provider's test or model list takes as long as the vendor takes
    if (url.starts_with("unix:")) {
        base.unix_socket = url.substr(5);
        base.url.host = "localhost";
        base.url.port = 80;
    } else {
        auto parsed = Url::parse(url);
        if (!parsed) return std::unexpected(parsed.error());
        base.url = std::move(*parsed);
    }
    return std::make_unique<RemoteApi>(std::move(base), url, std::move(token), gone_hint);
}

// Loopback first: a certificate rarely names 127.0.0.1, and this is our own process.
Result<std::unique_ptr<ApiClient>> running_server(const config::Config& config, const ServerFile& server) {
    auto token = read_file(config.data_dir / token_file_name, 4096);
    if (!token) return std::unexpected(token.error());
    while (!token->empty() && token->back() <= ' ') token->pop_back();
    const std::string* best = nullptr;
    for (const std::string_view scheme : {"http://", "unix:", "https://"}) {
        for (const auto& address : server.addresses) {
            if (best == nullptr && address.starts_with(scheme)) best = &address;
        }
    }
    if (best == nullptr) return fail(ErrorCode::unavailable, "the running server listens nowhere");
    const std::string hint =
        "; it is process " + std::to_string(server.pid) + " by " + (config.data_dir / server_file_name).string();
    const std::string url = reachable_url(*best);
    if (!url.starts_with("https://")) return remote(url, Secret(*token), hint);
    HttpCall base;
    auto parsed = Url::parse(url);
    if (!parsed) return std::unexpected(parsed.error());
    base.url = std::move(*parsed);
    base.connect_timeout_ms = 3000;
    base.timeout_ms = 120'000;
    base.tls_verify = false;  // the folder's lock says that the process at this address is ours
    return std::make_unique<RemoteApi>(std::move(base), url, Secret(*token), hint);
}

}  // namespace

Result<std::unique_ptr<ApiClient>> open_api(const config::Config& config, const FolderOpener& open_folder) {
    if (const char* url = std::getenv("LURUS_URL"); url != nullptr && *url != '\0') {
        const char* token = std::getenv("LURUS_ADMIN_TOKEN");
        if (token == nullptr || *token == '\0') {
            return fail(ErrorCode::unauthenticated,
                        "LURUS_URL is set and LURUS_ADMIN_TOKEN is not; it is the text of admin.token in that server's "
                        "data folder");
        }
        return remote(url, Secret(token), "; LURUS_URL says so");
    }
    const auto lock = config.data_dir / lock_file_name;
    // A server that is starting holds the lock before it has noted its address.
    for (int i = 0; i < 50 && platform::FileLock::held(lock); ++i) {
        const auto server = read_server_file(config.data_dir);
        if (server && platform::process_alive(server->pid)) return running_server(config, *server);
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    if (platform::FileLock::held(lock)) {
        return fail(ErrorCode::unavailable,
                    "a server holds the data folder " + config.data_dir.string() +
                        " but has not said where it listens (is the disk full?); LURUS_URL and LURUS_ADMIN_TOKEN "
                        "say it, too");
    }
    auto plane = open_folder(config);
    if (!plane) return std::unexpected(plane.error());
    return std::make_unique<LocalApi>(std::move(*plane));
}

}  // namespace lurus::cli
