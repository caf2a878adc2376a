#include <algorithm>
#include <nlohmann/json.hpp>
#include <system_error>

#include "connect/connect.hpp"
#include "core/json/json_value.hpp"
#include "core/os/file_owner.hpp"
#include "core/os/files.hpp"

namespace lurus::connect {
namespace {

namespace fs = std::filesystem;

fs::path state_file(const fs::path& data_dir, std::string_view client) {
    return state_folder(data_dir) / (std::string(client) + ".json");
}

/// The file's bytes beside the description: they may be anything, JSON text may not.
fs::path backup_file(const fs::path& data_dir, std::string_view client, std::size_t n, const fs::path& original) {
    return state_folder(data_dir) /
           (std::string(client) + "." + std::to_string(n) + "." + original.filename().string() + ".before");
}

Json json_of(const std::optional<std::string>& raw) {
    return raw ? Json(*raw) : Json(nullptr);
}

std::optional<std::string> raw_of(const Json& object, std::string_view name) {
    const Json& value = member(object, name);
    if (!value.is_string()) return std::nullopt;
    return value.get<std::string>();
}

Json json_of(const SavedFile& file) {
    Json settings = Json::array();
    for (const auto& s : file.settings) {
        settings.push_back(
            {{"path", s.path}, {"before", json_of(s.before)}, {"after", json_of(s.after)}, {"depth", s.depth}});
    }
    Json folders = Json::array();
    for (const auto& folder : file.made_folders) folders.push_back(folder.string());
    return {{"path", file.path.string()},        {"format", file.format},   {"existed", file.existed},
            {"after_sha256", file.after_sha256}, {"made_folders", folders}, {"settings", settings}};
}

SavedFile file_of(const Json& json) {
    SavedFile file;
    file.path = text_of(json, "path");
    file.format = text_of(json, "format");
    file.existed = flag_of(json, "existed");
    file.after_sha256 = text_of(json, "after_sha256");
    for (const auto& folder : member(json, "made_folders")) {
        if (folder.is_string()) file.made_folders.emplace_back(folder.get<std::string>());
    }
    for (const auto& s : member(json, "settings")) {
        SavedSetting setting;
        for (const auto& name : member(s, "path")) {
            if (name.is_string()) setting.path.push_back(name.get<std::string>());
        }
        setting.before = raw_of(s, "before");
        setting.after = raw_of(s, "after");
        setting.depth = static_cast<std::size_t>(number_of(s, "depth").value_or(0));
        if (!setting.path.empty()) file.settings.push_back(std::move(setting));
    }
    return file;
}

// Nearest to the place that is there.
bool may_make(const fs::path& place) {
    std::error_code ec;
    fs::path dir = place;
    while (!dir.empty() && dir != dir.parent_path() && !fs::exists(dir, ec)) dir = dir.parent_path();
    return platform::check_replaceable(dir / "connect").has_value();
}

bool is_of_home(const Connection& connection, const ClientHome& home, const Client& client) {
    const auto files = settings_for(client, home, {});
    return std::ranges::any_of(connection.files, [&](const SavedFile& saved) {
        return std::ranges::find(files, saved.path, &SettingsFile::path) != files.end();
    });
}

}  // namespace

fs::path state_folder(const fs::path& data_dir) {
    return data_dir / "connect";
}

fs::path remembering_folder(const fs::path& data_dir, const ClientHome& home, const Client& client) {
    const fs::path own = home.data_folder();
    if (own.empty() || own == data_dir) return data_dir;
    // Where it is remembered from before it stays.
    for (const auto& dir : {own, data_dir}) {
        const auto before = load_connection(dir, client.id);
        if (before && is_of_home(*before, home, client)) return dir;
    }
    const platform::ActAsOwner as(home.home);
    const auto owner = platform::owner_of(data_dir);
    if (owner) return *owner == platform::acting_user() ? data_dir : own;
    return owner.error().code == ErrorCode::not_found && may_make(data_dir) ? data_dir : own;
}

Result<Connection> load_connection(const fs::path& data_dir, std::string_view client) {
    const platform::ActAsOwner as(data_dir);
    fs::path path = state_file(data_dir, client);
    auto text = read_file(path);
    if (!text) return std::unexpected(text.error());
    Json json = Json::parse(*text, nullptr, false);
    if (!json.is_object())
        return fail(ErrorCode::corrupt,
                    path.string() + ": not what lurus wrote: the files beside it hold the settings as they were");
    Connection out{std::string(client), text_of(json, "url"), text_of(json, "key"), text_of(json, "key_id"), {}};
    for (const auto& entry : member(json, "files")) {
        SavedFile file = file_of(entry);
        if (file.existed) {
            auto before = read_file(backup_file(data_dir, client, out.files.size(), file.path));
            if (!before) return std::unexpected(before.error());
            file.before = std::move(*before);
        }
        out.files.push_back(std::move(file));
    }
    return out;
}

Result<void> save_connection(const fs::path& data_dir, const Connection& connection) {
    const platform::ActAsOwner as(data_dir);
    if (auto made = make_private_dir(state_folder(data_dir)); !made) return made;
    Json files = Json::array();
    for (std::size_t i = 0; i < connection.files.size(); ++i) {
        const SavedFile& file = connection.files[i];
        files.push_back(json_of(file));
        if (!file.existed) continue;
        if (auto kept = write_private_file(backup_file(data_dir, connection.client, i, file.path), file.before); !kept)
            return kept;
    }
    Json json = {{"client", connection.client},
                 {"url", connection.url},
                 {"key", connection.key},
                 {"key_id", connection.key_id},
                 {"files", files}};
    return write_private_file(state_file(data_dir, connection.client), dump(json) + "\n");
}

Result<void> forget_connection(const fs::path& data_dir, std::string_view client) {
    const platform::ActAsOwner as(data_dir);
    std::error_code ec;
    std::vector<fs::path> ours;
    for (fs::directory_iterator it(state_folder(data_dir), ec), end; !ec && it != end; it.increment(ec)) {
        std::string name = it->path().filename().string();
        if (name.starts_with(std::string(client) + ".")) ours.push_back(it->path());
    }
    for (const auto& path : ours) {
        if (!fs::remove(path, ec) && ec)
            return fail(ErrorCode::unavailable, "cannot remove " + path.string() + ": " + ec.message());
    }
    return {};
}

}  // namespace lurus::connect
