#pragma once
// How a command reaches the management API: over the running server, or in-process on the data folder when none runs.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "cli/api_tokens.hpp"
#include "config/config.hpp"
#include "core/http/http_client.hpp"
#include "lurus/api.hpp"
#include "lurus/result.hpp"

namespace lurus::control {
class ControlPlane;
}

namespace lurus::cli {

using FolderOpener = std::function<Result<std::unique_ptr<control::ControlPlane>>(const config::Config&)>;

class ApiClient {
public:
    virtual ~ApiClient() = default;
    /// Blocking. `path` is percent-encoded (core/url.hpp), query values are not.
    /// A 4xx/5xx is a response; `unavailable` when the server cannot be reached.
    virtual Result<ApiResponse> call(std::string_view method, std::string_view path,
                                     const std::map<std::string, std::string>& query = {},
                                     std::string_view body = {}) = 0;
    /// GET of what may be large or go on: a 2xx body is given to `take` as it comes, and the response has none. False:
    /// no more of it is wanted.
    virtual Result<ApiResponse> stream(std::string_view path, const std::map<std::string, std::string>& query,
                                       const std::function<bool(std::string_view)>& take) = 0;
    /// `http://127.0.0.1:18100` of the running server, or empty when this is the data folder itself.
    [[nodiscard]] virtual std::string server_url() const = 0;
    /// As whom it asks.
    [[nodiscard]] virtual ApiAccess access() const { return {}; }

    /// What changes carry as their Idempotency-Key, numbered: sent again with the same one they are answered again.
    /// Empty = each has one of its own.
    void set_idempotency_key(std::string key) { idempotency_key_ = std::move(key); }

protected:
    /// Of the next change; empty = none was set.
    std::string next_idempotency_key();

private:
    std::string idempotency_key_;
    int changes_ = 0;
};

/// How a server is reached.
struct ApiServer {
    HttpCall call;
    std::string url;
    std::string gone_hint;  // ends the error that it does not answer
};
Result<ApiServer> server_at(const std::string& url);
/// The one that holds the data folder, by its `server.json`; empty when none does.
Result<std::optional<ApiServer>> running_server(const std::filesystem::path& data_dir);

/// Which sign-in a command uses: that of `url`, where one is named; else the newest, or that of the data folder where
/// the caller chose one.
Result<std::optional<Login>> find_login(const LoginStore& store, const config::Config& config, const std::string& url);

/// Its server, asked as whoever signed in.
Result<std::unique_ptr<ApiClient>> open_login(const LoginStore& store, const Login& login);

/// `machine`: what looks after this machine goes by admin.token, whoever is signed in.
enum class ActingAs : std::uint8_t { person, machine };

/// LURUS_ADMIN_TOKEN, then whoever is signed in, then admin.token of the data folder. The server is LURUS_URL's, or
/// where somebody is signed in, or that of the data folder; where none runs, `open_folder` opens the folder itself.
Result<std::unique_ptr<ApiClient>> open_api(const config::Config& config, const FolderOpener& open_folder,
                                            ActingAs acting = ActingAs::person);

}  // namespace lurus::cli
