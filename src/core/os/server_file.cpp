#include "core/os/server_file.hpp"

#include <nlohmann/json.hpp>

#include "core/os/files.hpp"
#include "core/os/platform.hpp"

namespace lurus {

Result<void> write_server_file(const std::filesystem::path& data_dir, const ServerFile& server) {
    nlohmann::ordered_json body{{"pid", server.pid},
                                {"addresses", server.addresses},
                                {"started", format_time(server.started)},
                                {"version", server.version}};
    return write_private_file(data_dir / server_file_name, body.dump(2) + "\n", Synced::no);
}

Result<ServerFile> read_server_file(const std::filesystem::path& data_dir) {
    const auto file = data_dir / server_file_name;
    auto text = read_file(file, 64 << 10);
    if (!text) return std::unexpected(text.error());
    try {
        const auto body = nlohmann::json::parse(*text);
        ServerFile server;
        server.pid = body.at("pid").get<std::int64_t>();
        server.addresses = body.at("addresses").get<std::vector<std::string>>();
        server.started = parse_time(body.at("started").get<std::string>()).value_or(0);
        server.version = body.at("version").get<std::string>();
        return server;
    } catch (const nlohmann::json::exception&) {
        return fail(ErrorCode::corrupt, file.string() + " is not a server's note; remove it");
    }
}

void remove_server_file(const std::filesystem::path& data_dir) {
    const auto server = read_server_file(data_dir);
    if (!server || server->pid != platform::process_id()) return;
    std::error_code ignored;
    std::filesystem::remove(data_dir / server_file_name, ignored);
}

std::string url_of(const std::string& address, bool tls) {
    if (address.starts_with("unix:")) return address;
    return (tls ? "https://" : "http://") + address;
}

std::string reachable_url(std::string url) {
    for (const auto& [any, loopback] : {std::pair("//0.0.0.0:", "//127.0.0.1:"), std::pair("//[::]:", "//[::1]:")}) {
        if (const auto at = url.find(any); at != std::string::npos)
            url.replace(at, std::string_view(any).size(), loopback);
    }
    return url;
}

}  // namespace lurus
