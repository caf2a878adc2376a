#include "cli/login_store.hpp"

#include <chrono>
#include <system_error>
#include <thread>

#include "config/config.hpp"
#include "core/crypto/sha256.hpp"
#include "core/json/json_value.hpp"
#include "core/os/files.hpp"
#include "lurus/provider.hpp"

namespace lurus::cli {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t most_of_login = 64 << 10;
constexpr const char* current_file = "current";

Result<Login> login_from(const fs::path& file) {
    const auto text = read_file(file, most_of_login);
    if (!text) return std::unexpected(text.error());
    const Json json = Json::parse(*text, nullptr, false);
    Login out;
    out.server = text_of(json, "server");
    out.data_dir = text_of(json, "data_dir");
    out.ca_file = text_of(json, "ca_file");
    out.email = text_of(json, "email");
    out.method = text_of(json, "method");
    out.access_token = Secret(text_of(json, "access_token"));
    out.refresh_token = Secret(text_of(json, "refresh_token"));
    out.access_expires = number_of(json, "access_expires_us").value_or(0);
    out.expires = number_of(json, "expires_us").value_or(0);
    if (out.server.empty() || out.refresh_token.empty())
        return fail(ErrorCode::corrupt,
                    file.string() + " is not what `lurus login` writes: remove it and sign in again");
    return out;
}

Result<std::optional<Login>> login_if_any(const fs::path& file) {
    auto login = login_from(file);
    if (!login && login.error().code == ErrorCode::not_found) return std::nullopt;
    if (!login) return std::unexpected(login.error());
    return *std::move(login);
}

}  // namespace

Result<std::string> server_name(std::string_view typed) {
    if (typed.starts_with("unix:/")) return std::string(typed);
    const auto url = Url::parse(typed);
    if (!url) return std::unexpected(url.error());
    if (!url->path.empty() && url->path != "/")
        return fail(ErrorCode::invalid_argument,
                    "'" + std::string(typed) + "' has a path: name the server alone, such as https://gw.example.com");
    return (url->tls ? "https://" : "http://") + url->authority();
}

std::optional<LoginStore> LoginStore::of_process() {
    const fs::path base = config::user_config_dir(config::Environment::of_process());
    if (base.empty()) return std::nullopt;
    return LoginStore(base / "lurus" / "logins");
}

fs::path LoginStore::file_of(std::string_view server) const {
    return folder_ / (sha256_hex(server).substr(0, 32) + ".json");
}

Result<std::optional<Login>> LoginStore::find(std::string_view server) const {
    return login_if_any(file_of(server));
}

Result<std::optional<Login>> LoginStore::find_folder(const fs::path& data_dir) const {
    std::error_code error;
    for (fs::directory_iterator at(folder_, error), end; !error && at != end; at.increment(error)) {
        if (at->path().extension() != ".json") continue;
        auto login = login_if_any(at->path());
        if (!login) return std::unexpected(login.error());
        if (!*login || (*login)->data_dir.empty()) continue;
        // However it is spelled; also while it is not there.
        std::error_code absent;
        if ((*login)->data_dir == data_dir || fs::equivalent((*login)->data_dir, data_dir, absent)) return login;
    }
    return std::nullopt;
}

Result<std::optional<Login>> LoginStore::current() const {
    const auto name = read_file(folder_ / current_file, most_of_login);
    if (!name && name.error().code == ErrorCode::not_found) return std::nullopt;
    if (!name) return std::unexpected(name.error());
    return find(*name);
}

Result<std::unique_ptr<platform::FileLock>> LoginStore::lock() const {
    if (auto made = make_private_dir(folder_); !made) return std::unexpected(made.error());
    constexpr int tries = 1500;
    for (int i = 0; i < tries; ++i) {
        auto lock = platform::FileLock::exclusive(folder_ / ".lock");
        if (lock || lock.error().code != ErrorCode::conflict) return lock;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return fail(ErrorCode::timeout, "another command holds " + (folder_ / ".lock").string() + " for half a minute");
}

Result<void> LoginStore::check_writable() const {
    if (platform::may_write(folder_)) return {};
    return fail(ErrorCode::unavailable, "the sign-in must be renewed and " + folder_.string() + " cannot be written");
}

Result<void> LoginStore::save(const Login& login) const {
    Json json = {{"server", login.server},
                 {"data_dir", login.data_dir.string()},
                 {"ca_file", login.ca_file},
                 {"email", login.email},
                 {"method", login.method},
                 {"access_token", login.access_token.reveal()},
                 {"access_expires_us", login.access_expires},
                 {"refresh_token", login.refresh_token.reveal()},
                 {"expires_us", login.expires}};
    return write_private_file(file_of(login.server), dump(json) + "\n");
}

Result<void> LoginStore::make_current(const Login& login) const {
    return write_private_file(folder_ / current_file, login.server);
}

Result<void> LoginStore::remove(const Login& login) const {
    std::error_code error;
    const auto current = read_file(folder_ / current_file, most_of_login);
    if (current && *current == login.server) fs::remove(folder_ / current_file, error);
    if (!error) fs::remove(file_of(login.server), error);
    if (!error) return {};
    return fail(ErrorCode::unavailable, "cannot remove " + file_of(login.server).string() + ": " + error.message());
}

}  // namespace lurus::cli
