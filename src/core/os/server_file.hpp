#pragma once
// `server.json` in the data folder: where the running server is. A hint, not a promise: a killed server leaves it
// behind, so the folder's lock says whether it still runs.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "lurus/clock.hpp"
#include "lurus/result.hpp"

namespace lurus {

/// Where a server notes itself and what guards its folder.
inline constexpr std::string_view lock_file_name = "lurus.lock";
inline constexpr std::string_view server_file_name = "server.json";
inline constexpr std::string_view token_file_name = "admin.token";

struct ServerFile {
    std::int64_t pid = 0;
    std::vector<std::string> addresses;  // `http://127.0.0.1:18100`, `https://...`, `unix:/path`
    UnixMicros started = 0;
    std::string version;
};

Result<void> write_server_file(const std::filesystem::path& data_dir, const ServerFile& server);
/// `not_found`, or `corrupt` when it is not what we write.
Result<ServerFile> read_server_file(const std::filesystem::path& data_dir);
/// Removes it when it is this process's.
void remove_server_file(const std::filesystem::path& data_dir);

/// `127.0.0.1:18100` as `http://127.0.0.1:18100` (or https); `unix:` stays.
std::string url_of(const std::string& address, bool tls);
/// The URL to reach it from this machine: wildcard hosts become loopback.
std::string reachable_url(std::string url);

}  // namespace lurus
