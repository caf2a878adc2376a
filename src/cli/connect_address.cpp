#include "cli/cmd_connect.hpp"
#include "core/os/platform.hpp"
#include "core/os/server_file.hpp"
#include "lurus/provider.hpp"

namespace lurus::cli {

Result<std::string> clean_url(std::string_view text) {
    std::string_view url = text;
    while (url.ends_with('/')) url.remove_suffix(1);
    for (std::string_view suffix : {"/v1beta", "/v1"}) {
        if (url.ends_with(suffix)) url.remove_suffix(suffix.size());
    }
    auto parsed = Url::parse(url);
    if (!parsed)
        return std::unexpected(
            Error(ErrorCode::invalid_argument, "--url " + std::string(text) + ": " + parsed.error().message));
    return std::string(url);
}

std::string configured_url(const config::Config& config) {
    for (const auto& listener : config.gateway.listeners) {
        if (listener.address.starts_with("unix:")) continue;
        return reachable_url(url_of(listener.address, !listener.certificate_file.empty()));
    }
    return {};
}

std::optional<std::string> readable_warning(const std::filesystem::path& file) {
    std::error_code ec;
    if (!std::filesystem::exists(file, ec) || !platform::readable_by_others(file)) return std::nullopt;
    return file.string() + " holds a key now and can be read by other users: " + platform::private_hint(file);
}

}  // namespace lurus::cli
