#pragma once
// Where somebody signed in with `lurus login`: a file for each server in the user's own configuration folder, mode
// 0600.

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/os/platform.hpp"
#include "lurus/clock.hpp"
#include "lurus/result.hpp"
#include "lurus/secret.hpp"

namespace lurus::cli {

/// A session at one server, and the tokens that are good for it.
struct Login {
    std::string server;              // `https://gw.example.com`, as `server_name` writes it
    std::filesystem::path data_dir;  // of a server on this machine, which may listen elsewhere tomorrow; else empty
    std::string ca_file;             // roots beside the system's; may be empty
    std::string email, method;       // `password`, `ldap`, `oidc:NAME`
    Secret access_token, refresh_token;
    UnixMicros access_expires = 0, expires = 0;  // by this machine's clock
};

/// `http://HOST[:PORT]`, `https://HOST[:PORT]` or `unix:/PATH`; `invalid_argument` for anything else.
Result<std::string> server_name(std::string_view typed);

/// Files are replaced whole, so that reading takes no lock. Changing one takes `lock`.
class LoginStore {
public:
    explicit LoginStore(std::filesystem::path folder) : folder_(std::move(folder)) {}
    /// Below XDG_CONFIG_HOME, else ~/.config; empty for a user without a home.
    static std::optional<LoginStore> of_process();

    [[nodiscard]] Result<std::optional<Login>> find(std::string_view server) const;
    [[nodiscard]] Result<std::optional<Login>> find_folder(const std::filesystem::path& data_dir) const;
    /// The one that commands use where nothing names another server.
    [[nodiscard]] Result<std::optional<Login>> current() const;

    /// Waits for other processes, half a minute at most.
    [[nodiscard]] Result<std::unique_ptr<platform::FileLock>> lock() const;
    [[nodiscard]] Result<void> save(const Login& login) const;
    [[nodiscard]] Result<void> make_current(const Login& login) const;
    [[nodiscard]] Result<void> remove(const Login& login) const;
    [[nodiscard]] std::filesystem::path file_of(std::string_view server) const;
    /// Fails where a new token could not be stored, before the old one is used up.
    [[nodiscard]] Result<void> check_writable() const;

private:
    std::filesystem::path folder_;
};

}  // namespace lurus::cli
