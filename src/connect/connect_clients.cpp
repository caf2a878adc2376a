#include <fmt/format.h>

#include <algorithm>

#include "connect/connect.hpp"
#include "core/os/files.hpp"
#include "core/os/platform.hpp"
#include "core/text/ascii.hpp"

namespace lurus::connect {
namespace {

namespace fs = std::filesystem;

fs::path folder(const ClientHome& home, const char* variable, const char* otherwise) {
    std::string named = home.variable(variable);
    return named.empty() ? home.home / otherwise : fs::path(named);
}

fs::path opencode_file(const ClientHome& home) {
    fs::path dir = folder(home, "XDG_CONFIG_HOME", ".config") / "opencode";
    std::error_code ec;
    for (const char* name : {"opencode.jsonc", "opencode.json", "config.json"}) {
        if (fs::exists(dir / name, ec)) return dir / name;
    }
    return dir / "opencode.json";
}

std::vector<SettingsFile> claude_settings(const ClientHome& home, const Target& t) {
    return {{folder(home, "CLAUDE_CONFIG_DIR", ".claude") / "settings.json",
             &json_settings(),
             {{{"env", "ANTHROPIC_BASE_URL"}, t.url},
              {{"env", "ANTHROPIC_AUTH_TOKEN"}, t.key, true},
              {{"env", "ANTHROPIC_API_KEY"}, std::nullopt, true}}}};
}

std::vector<SettingsFile> codex_settings(const ClientHome& home, const Target& t) {
    const std::string table = "model_providers";
    return {{folder(home, "CODEX_HOME", ".codex") / "config.toml",
             &toml_settings(),
             {{{"model_provider"}, "lurus"},
              {{table, "lurus", "name"}, "Lurus Switch"},
              {{table, "lurus", "base_url"}, t.url + "/v1"},
              {{table, "lurus", "wire_api"}, "responses"},
              {{table, "lurus", "experimental_bearer_token"}, t.key, true},
              {{table, "lurus", "env_key"}, std::nullopt},
              {{table, "lurus", "requires_openai_auth"}, std::nullopt}}}};
}

std::vector<SettingsFile> gemini_settings(const ClientHome& home, const Target& t) {
    fs::path dir = folder(home, "GEMINI_CLI_HOME", "") / ".gemini";
    return {{dir / "settings.json", &json_settings(), {{{"security", "auth", "selectedType"}, "gemini-api-key"}}},
            {dir / ".env",
             &env_settings(),
             {{{"GOOGLE_GEMINI_BASE_URL"}, t.url},
              {{"GEMINI_API_KEY"}, t.key, true},
              {{"GOOGLE_API_KEY"}, std::nullopt, true}}}};
}

std::vector<SettingsFile> opencode_settings(const ClientHome& home, const Target& t) {
    SettingsFile file{opencode_file(home), &json_settings(), {}};
    for (auto [name, suffix] : {std::pair{"anthropic", "/v1"}, {"openai", "/v1"}, {"google", "/v1beta"}}) {
        file.settings.push_back({{"provider", name, "options", "baseURL"}, t.url + suffix});
        file.settings.push_back({{"provider", name, "options", "apiKey"}, t.key, true});
    }
    return {file};
}

/// Names that, set in the shell, reach the client beside or above its settings.
std::vector<std::string> competing_variables(const Client& client) {
    if (client.id == "claude")
        return {"ANTHROPIC_API_KEY", "CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_USE_FOUNDRY"};
    if (client.id == "gemini")
        return {"GEMINI_API_KEY", "GOOGLE_GEMINI_BASE_URL", "GOOGLE_API_KEY", "GOOGLE_GENAI_USE_VERTEXAI",
                "GOOGLE_GENAI_USE_GCA"};
    return {};
}

std::string without_suffix(std::string_view url) {
    while (url.ends_with('/')) url.remove_suffix(1);
    for (std::string_view suffix : {"/v1beta", "/v1"}) {
        if (url.ends_with(suffix)) url.remove_suffix(suffix.size());
    }
    return std::string(url);
}

}  // namespace

ClientHome ClientHome::of_process() {
    ClientHome home{platform::home_dir(), platform::environment(), platform::home_style()};
    // Clients look there, whatever HOME a Unix-like shell sets.
    if (home.style == platform::HomeStyle::windows && !home.variable("USERPROFILE").empty())
        home.home = home.variable("USERPROFILE");
    return home;
}

std::string ClientHome::variable(const std::string& name) const {
    auto it = environment.find(name);
    if (it == environment.end() && style == platform::HomeStyle::windows)
        it = std::ranges::find_if(environment, [&](const auto& entry) { return iequals(entry.first, name); });
    return it == environment.end() ? std::string() : it->second;
}

fs::path ClientHome::data_folder() const {
    const fs::path named = variable("XDG_DATA_HOME");
    if (named.is_absolute()) return named / "lurus";
    if (style == platform::HomeStyle::windows) {
        const fs::path local = variable("LOCALAPPDATA");
        if (local.is_absolute()) return local / "lurus";
        return home.empty() ? fs::path() : home / "AppData" / "Local" / "lurus";
    }
    return home.empty() ? fs::path() : home / ".local/share/lurus";
}

std::string ClientHome::relative(const fs::path& file) const {
    std::string text = file.string(), base = home.string();
    const bool windows = style == platform::HomeStyle::windows;
    if (windows) {
        std::ranges::replace(text, '/', '\\');
        std::ranges::replace(base, '/', '\\');
    }
    const char separator = windows ? '\\' : '/';
    if (base.size() <= 1 || text.size() <= base.size() || text[base.size()] != separator) return text;
    const std::string_view head = std::string_view(text).substr(0, base.size());
    if (windows ? !iequals(head, base) : head != base) return text;
    return "~" + text.substr(base.size());
}

const std::vector<Client>& known_clients() {
    static const std::vector<Client> clients = {
        {"claude", "Claude Code", "claude-code", "claude"},
        {"codex", "Codex", "codex", "codex"},
        {"gemini", "Gemini CLI", "gemini-cli", "gemini"},
        {"opencode", "opencode", "opencode", "opencode"},
    };
    return clients;
}

const Client* find_client(std::string_view id) {
    for (const auto& client : known_clients()) {
        if (client.id == id) return &client;
    }
    return nullptr;
}

std::vector<SettingsFile> settings_for(const Client& client, const ClientHome& home, const Target& target) {
    if (client.id == "claude") return claude_settings(home, target);
    if (client.id == "codex") return codex_settings(home, target);
    if (client.id == "gemini") return gemini_settings(home, target);
    return opencode_settings(home, target);
}

std::vector<std::string> environment_warnings(const Client& client, const ClientHome& home) {
    std::vector<std::string> out;
    for (const auto& name : competing_variables(client)) {
        if (home.variable(name).empty()) continue;
        out.push_back(fmt::format("{} is set in this shell and reaches {} too: {}", name, client.title,
                                  home.style == platform::HomeStyle::windows
                                      ? fmt::format("Remove-Item Env:{0}, and for good "
                                                    "[Environment]::SetEnvironmentVariable('{0}', $null, 'User')",
                                                    name)
                                      : "unset it"));
    }
    return out;
}

std::string_view unset_for_good(const ClientHome& home) {
    return home.style == platform::HomeStyle::windows
               ? "take it out of your account's environment variables and of the PowerShell profile"
               : "unset it in the shell's start file";
}

std::optional<fs::path> hiding_file(const Client& client, const ClientHome& home, const fs::path& folder) {
    if (client.id != "gemini") return std::nullopt;
    const fs::path ours = settings_for(client, home, {}).back().path;
    std::error_code ec;
    for (fs::path dir = folder; !dir.empty(); dir = dir.parent_path()) {
        for (const fs::path& file : {dir / ".gemini" / ".env", dir / ".env"}) {
            // The same folder has other names, too: by links, or by the case of its letters.
            if (file == ours || fs::equivalent(file, ours, ec)) return std::nullopt;
            if (fs::exists(file, ec)) return file;
        }
        if (dir == dir.parent_path()) return std::nullopt;
    }
    return std::nullopt;
}

ClientState inspect_client(const Client& client, const ClientHome& home) {
    ClientState state;
    for (const auto& file : settings_for(client, home, Target{"url", "key"})) {
        auto text = read_file(file.path);
        if (!text) {
            if (text.error().code != ErrorCode::not_found) state.problem = text.error().message;
            continue;
        }
        state.configured = true;
        for (const auto& setting : file.settings) {
            if (!setting.value) continue;
            bool is_url = setting.value->starts_with("url");
            bool is_key = *setting.value == "key";
            if (!is_url && !is_key) continue;
            auto raw = file.format->get(*text, setting.path);
            if (!raw) {
                state.problem = file.path.string() + ": " + raw.error().message;
                break;
            }
            if (!*raw) continue;
            std::string value = file.format->unquote(**raw);
            if (is_url) {
                state.url = without_suffix(value);
                state.file = file.path;
            } else {
                state.key = value;
            }
        }
        if (client.id == "codex" && !state.url.empty()) {
            auto provider = file.format->get(*text, {"model_provider"});
            if (!provider || !*provider || file.format->unquote(**provider) != "lurus") state.url.clear();
        }
    }
    if (state.file.empty()) state.file = settings_for(client, home, {}).front().path;
    return state;
}

}  // namespace lurus::connect
