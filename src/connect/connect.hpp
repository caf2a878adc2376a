#pragma once
// `lurus connect`: a client's own settings pointed at this gateway, and put back.
// Invariant: what stood in a file before the first connect is kept in the data folder until the undo.

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connect/connect_format.hpp"
#include "core/os/home_style.hpp"
#include "lurus/result.hpp"

namespace lurus::connect {

/// Where clients keep their things.
struct ClientHome {
    std::filesystem::path home;
    std::map<std::string, std::string> environment;
    platform::HomeStyle style = platform::HomeStyle::posix;

    static ClientHome of_process();
    [[nodiscard]] std::string variable(const std::string& name) const;
    /// Where a user of this home keeps the data of a server of their own; empty when there is no home.
    [[nodiscard]] std::filesystem::path data_folder() const;
    /// A file as its person writes it: `~/.claude/settings.json`, `~\.claude\settings.json`.
    [[nodiscard]] std::string relative(const std::filesystem::path& file) const;
};

struct Setting {
    SettingPath path;
    std::optional<std::string> value;  // empty = must not be there: it would win over ours
    bool secret = false;
};

struct SettingsFile {
    std::filesystem::path path;
    const SettingsFormat* format = nullptr;
    std::vector<Setting> settings;
};

/// What we want a client to use.
struct Target {
    std::string url;  // `http://127.0.0.1:18100`, no trailing slash
    std::string key;
};

struct Client {
    std::string id;        // `claude`
    std::string title;     // `Claude Code`
    std::string key_name;  // `claude-code`
    std::string program;   // `claude`
};

const std::vector<Client>& known_clients();
const Client* find_client(std::string_view id);
/// The settings that make the client use the target.
std::vector<SettingsFile> settings_for(const Client& client, const ClientHome& home, const Target& target);
/// What in the user's environment wins over the settings, and so has to be told.
std::vector<std::string> environment_warnings(const Client& client, const ClientHome& home);
/// What to do so that a variable is not set in the next shell either.
std::string_view unset_for_good(const ClientHome& home);

/// The file that the client, started in `folder`, reads instead of the one that holds our address; none when it reads
/// ours. Gemini CLI takes the first `.env` on the way up.
std::optional<std::filesystem::path> hiding_file(const Client& client, const ClientHome& home,
                                                 const std::filesystem::path& folder);

/// What the client's settings hold now.
struct ClientState {
    bool configured = false;  // a settings file exists
    std::string url;          // without the dialect's suffix; empty = the vendor's own
    std::string key;
    std::filesystem::path file;  // where the address stands
    std::string problem;         // empty, or why a file cannot be read
};
ClientState inspect_client(const Client& client, const ClientHome& home);

/// One line of the diff. Values are as a person reads them; secrets are masked.
struct Change {
    std::filesystem::path file;
    std::string setting;
    std::optional<std::string> before, after;
};

/// Remembered in `<data folder>/connect/<client>.json`, mode 0600, as the owner of that data folder.
struct SavedSetting {
    SettingPath path;
    std::optional<std::string> before;  // raw; empty = was not there
    std::optional<std::string> after;   // raw, as we wrote it
    std::size_t depth = 0;              // how much of the path was there before
};
struct SavedFile {
    std::filesystem::path path;  // as the client names it (may be a symbolic link)
    std::string format;          // json, toml, env
    bool existed = false;
    std::string before;  // its bytes
    std::string after_sha256;
    std::vector<std::filesystem::path> made_folders;  // outermost first
    std::vector<SavedSetting> settings;
};
struct Connection {
    std::string client;
    std::string url;
    std::string key;
    std::string key_id;  // of the key that was made for it; empty = the user's own
    std::vector<SavedFile> files;
};

/// Which data folder remembers the client of this home: the configured one where it is theirs, else their own, which
/// no server needs to have used. Root connecting somebody's client works for them.
std::filesystem::path remembering_folder(const std::filesystem::path& data_dir, const ClientHome& home,
                                         const Client& client);
/// Where `<client>.json` stands.
std::filesystem::path state_folder(const std::filesystem::path& data_dir);
/// `not_found` when the client was not connected from this data folder.
Result<Connection> load_connection(const std::filesystem::path& data_dir, std::string_view client);
Result<void> save_connection(const std::filesystem::path& data_dir, const Connection& connection);
Result<void> forget_connection(const std::filesystem::path& data_dir, std::string_view client);

/// What will be written, nothing is yet. `earlier`: from the connect before, or null.
struct PlannedFile {
    SavedFile saved;
    std::string bytes;
    bool differs = false;    // from what is there now
    bool holds_key = false;  // once it is written
};
struct Plan {
    std::vector<PlannedFile> files;
    std::vector<Change> changes;
};
/// `invalid_argument` names the file, line and column of what cannot be edited, `permission_denied` the file that
/// cannot be written.
Result<Plan> plan_connect(const std::vector<SettingsFile>& files, const Connection* earlier);
/// Writes the files as `platform::replace_file` does, following symbolic links. Nothing after the first that fails.
Result<void> apply_plan(const Plan& plan, const std::filesystem::path& data_dir);
/// Before anything is read: what a crash cut while it was written holds again what it held before.
Result<void> mend_files(const std::vector<std::filesystem::path>& files, const std::filesystem::path& data_dir);

/// Puts back what was there: the bytes themselves where nobody changed the file since, else only our settings.
struct Undone {
    std::filesystem::path file;
    enum class How : std::uint8_t { restored, removed, edited, untouched } how = How::untouched;
    std::vector<std::string> left;  // settings that somebody else changed since
};
Result<std::vector<Undone>> undo_connection(const Connection& connection, const std::filesystem::path& data_dir);

/// The target of a chain of symbolic links; the path itself when it is none.
std::filesystem::path resolve_links(std::filesystem::path path);
/// `cr_a…wxyz`
std::string mask_secret(std::string_view secret);

}  // namespace lurus::connect
