#pragma once
// What can be wrong on this machine, and what to do about it.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "cli/cli.hpp"
#include "connect/connect.hpp"

namespace lurus::cli {

struct Finding {
    enum class Level : std::uint8_t { good, warning, broken } level = Level::good;
    std::string what;    // `port`, `data folder`
    std::string detail;  // what was found
    std::string fix;     // what to do; empty when it is good
};

std::string render_findings(const std::vector<Finding>& findings, const Style& style);
Json json_of(const Finding& finding);
bool any_broken(const std::vector<Finding>& findings);

/// Folder there, writable, with room; secrets readable by their owner only.
std::vector<Finding> check_data_folder(const std::filesystem::path& dir);
/// The databases in it: readable, writable, not damaged, locked by nobody.
std::vector<Finding> check_databases(const std::filesystem::path& dir);
Finding check_clock(UnixMicros now);
/// `date`: a vendor's Date header (RFC 9110 IMF-fixdate). Good within five minutes; a broken date says so.
Finding check_clock_against(UnixMicros now, std::string_view date, const std::string& whose);
/// Seconds since the epoch of `Sun, 06 Nov 1994 08:49:37 GMT`.
std::optional<std::int64_t> parse_http_date(std::string_view date);

/// The server of this data folder, or who holds its port.
std::vector<Finding> check_server(Cli& cli, const config::Config& config);
/// Certificates, keys and roots that the configuration names.
std::vector<Finding> check_named_files(const config::Config& config, UnixMicros now);
/// Credentials are there; `probe`: one tiny request each, and the vendor's clock.
std::vector<Finding> check_providers(Cli& cli, bool probe);
std::vector<Finding> check_keys(Cli& cli);
/// The prices of the providers' vendors were looked up within the last sixty days.
std::vector<Finding> check_prices(Cli& cli);
/// One vendor's; `day`: when the newest of its prices was looked up.
Finding check_price_age(UnixMicros now, const std::string& vendor, UnixMicros day);
/// Whether the clients' settings point here and their keys are taken.
std::vector<Finding> check_clients(Cli& cli, const config::Config& config, const connect::ClientHome& home);

}  // namespace lurus::cli
