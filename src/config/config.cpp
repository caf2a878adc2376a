#include "config/config.hpp"

#include <toml++/toml.h>

#include <algorithm>
#include <system_error>

#include "config/config_limits.hpp"
#include "config/config_reader.hpp"
#include "config/config_sections.hpp"
#include "core/os/embedded.hpp"
#include "core/os/files.hpp"
#include "core/os/platform.hpp"
#include "core/text/redact.hpp"

namespace lurus::config {
namespace fs = std::filesystem;
namespace {

std::string variable_or(const Environment& environment, const std::string& name) {
    const auto found = environment.variables.find(name);
    return found == environment.variables.end() ? std::string() : found->second;
}

// XDG: a relative path counts as unset.
fs::path xdg(const Environment& environment, const std::string& name, const fs::path& of_system,
             std::string_view below_home) {
    const fs::path given = variable_or(environment, name);
    if (given.is_absolute()) return given;
    if (of_system.is_absolute()) return of_system;
    return environment.home.empty() ? fs::path() : environment.home / below_home;
}

fs::path absolute(const fs::path& path, const Environment& environment) {
    return (path.is_absolute() ? path : environment.working_dir / path).lexically_normal();
}

fs::path default_data_dir(const Environment& environment) {
    const fs::path base = xdg(environment, "XDG_DATA_HOME", environment.folders.user_data, ".local/share");
    return base.empty() ? environment.folders.system_data : base / "lurus";
}

// Variables of other programs may start with LURUS_ too, so a stranger is worth a warning only when it is nearly one of
// ours.
void warn_of_misspelt_variables(const ConfigContext& context, Config& config) {
    std::set<std::string> known = context.known_variables();
    for (const char* name :
         {"LURUS_CONFIG", "LURUS_MASTER_KEY", "LURUS_URL", "LURUS_ADMIN_TOKEN", "LURUS_WIRE", "LURUS_KEY"}) {
        known.insert(name);
    }
    for (const auto& provider : config.providers) known.insert(provider.api_key_env);
    known.insert(config.secret_variables.begin(), config.secret_variables.end());
    const std::vector<std::string> names(known.begin(), known.end());
    for (const auto& [name, value] : context.variables()) {
        if (!name.starts_with("LURUS_") || known.contains(name)) continue;
        const std::string closest = nearest(name, names);
        const auto difference = static_cast<std::ptrdiff_t>(closest.size()) - static_cast<std::ptrdiff_t>(name.size());
        if (closest.empty() || difference > 2 || difference < -2) continue;
        config.warnings.push_back(name + " is no variable of this program; did you mean " + closest + "?");
    }
}

void warn_of_readable_secrets(Config& config) {
    if (config.file.empty() || !platform::readable_by_others(config.file)) return;
    const bool secrets = !config.keys.empty() || config.origins.contains("postgres.url") ||
                         std::ranges::any_of(config.providers, [](const auto& p) { return !p.api_key.empty(); });
    if (secrets)
        config.warnings.push_back(config.file.string() +
                                  " holds keys and other users may read it: " + platform::private_hint(config.file));
}

}  // namespace

Environment Environment::of_process() {
    Environment environment;
    environment.variables = platform::environment("LURUS_");
    environment.variables.merge(platform::environment("XDG_"));
    std::error_code error;
    environment.working_dir = fs::current_path(error);
    environment.home = platform::home_dir();
    environment.folders = platform::standard_folders();
    if (environment.home == "/" || !fs::is_directory(environment.home, error)) environment.home.clear();
    return environment;
}

fs::path user_config_dir(const Environment& environment) {
    return xdg(environment, "XDG_CONFIG_HOME", environment.folders.user_config, ".config");
}

Result<fs::path> find_config_file(const ConfigFlags& flags, const Environment& environment) {
    std::error_code error;
    const auto named = [&](const fs::path& path, std::string_view by) -> Result<fs::path> {
        const fs::path file = absolute(path, environment);
        if (fs::exists(file, error)) return file;
        return fail(ErrorCode::not_found, std::string(by) + ": there is no configuration file " + file.string());
    };
    if (flags.config_file) return named(*flags.config_file, "--config");
    if (const auto given = variable_or(environment, "LURUS_CONFIG"); !given.empty())
        return named(given, "LURUS_CONFIG");
    const fs::path user = user_config_dir(environment);
    for (const auto& dir :
         {environment.working_dir, user.empty() ? fs::path() : user / "lurus", environment.folders.system_config}) {
        if (!dir.empty() && fs::is_regular_file(dir / "lurus.toml", error)) return dir / "lurus.toml";
    }
    return fs::path();
}

namespace {

// Before the first mistake in its syntax there may be what is asked for.
toml::table readable_part(const std::string& text) {
    const auto parsed = [](std::string_view part) -> std::pair<toml::table, std::size_t> {
        try {
            return {toml::parse(part), 0};
        } catch (const toml::parse_error& error) {
            return {toml::table(), error.source().begin.line};
        }
    };
    auto [whole, wrong_line] = parsed(text);
    if (wrong_line == 0) return std::move(whole);
    std::size_t end = 0;
    for (std::size_t line = 1; line < wrong_line; ++line) end = text.find('\n', end) + 1;
    return parsed(std::string_view(text).substr(0, end)).first;
}

bool is_chosen(const ConfigFlags& flags, const Environment& environment) {
    return flags.data_dir || flags.config_file || !variable_or(environment, "LURUS_CONFIG").empty() ||
           !variable_or(environment, "LURUS_DATA_DIR").empty();
}

fs::path data_dir_of(ConfigTable& top, const ConfigFlags& flags, const Environment& environment) {
    std::string data_dir;
    if (top.path("data_dir", data_dir) && data_dir.empty()) top.mistake("data_dir", "must name a folder");
    if (flags.data_dir) data_dir = flags.data_dir->string();
    return data_dir.empty() ? default_data_dir(environment) : absolute(data_dir, environment);
}

}  // namespace

Config load_outline(const ConfigFlags& flags) {
    return load_outline(flags, Environment::of_process());
}

Config load_outline(const ConfigFlags& flags, const Environment& environment) {
    Config config;
    toml::table root;
    if (auto file = find_config_file(flags, environment); file && !file->empty()) {
        config.file = *file;
        if (const auto text = read_file(config.file, 4 << 20)) root = readable_part(*text);
    }
    ConfigContext context(config.file, environment.variables);
    context.set_home(environment.home);
    ConfigTable top(context, &root, "", Variables::own);
    config.data_dir = data_dir_of(top, flags, environment);
    config.chosen = is_chosen(flags, environment);
    config.master_key = Secret(variable_or(environment, "LURUS_MASTER_KEY"));
    return config;
}

Result<Config> load_config(const ConfigFlags& flags) {
    return load_config(flags, Environment::of_process());
}

Result<Config> load_config(const ConfigFlags& flags, const Environment& environment, std::optional<std::string> known) {
    auto file = find_config_file(flags, environment);
    if (!file) return std::unexpected(file.error());
    Config config;
    config.file = *file;
    toml::table root;
    if (!config.file.empty()) {
        auto text = known ? Result<std::string>(*std::move(known)) : read_file(config.file, 4 << 20);
        if (!text) return std::unexpected(text.error());
        try {
            root = toml::parse(*text);
        } catch (const toml::parse_error& e) {
            const auto& at = e.source().begin;
            return fail(ErrorCode::invalid_argument, config.file.string() + ":" + std::to_string(at.line) + ":" +
                                                         std::to_string(at.column) + ": " +
                                                         without_quotes(e.description()));
        }
        config.bytes = text->size();
        config.ends_a_line = text->ends_with('\n');
        for (const auto& [key, value] : root)
            config.declared += value.is_array_of_tables() ? value.as_array()->size() : 1;
    }
    ConfigContext context(config.file, environment.variables);
    context.set_home(environment.home);
    ConfigTable top(context, &root, "", Variables::own);

    config.data_dir = data_dir_of(top, flags, environment);
    config.chosen = is_chosen(flags, environment);
    top.flag("demo", config.demo);
    read_server(top.table("server"), flags.listen, context, config);
    read_headers(top.table("headers"), config);
    read_log(top.table("log"), config);
    read_billing(top.table("billing"), config);
    read_postgres(top.table("postgres"), config);
    if (config.postgres) config.postgres->offline = flags.offline;
    read_keys(top.table("keys"), config);
    read_limits(top.table("limits"), config.gateway.limits);
    for (auto& section : top.tables("provider")) read_provider(std::move(section), config);
    for (auto& section : top.tables("route")) read_route(std::move(section), config);
    read_default_routes(top.table("default"), config);
    for (auto& section : top.tables("key")) read_key(std::move(section), config);
    read_mail(top.table("mail"), config);
    read_auth(top.table("auth"), config);
    for (auto& section : top.tables("user")) read_user(std::move(section), config);
    top.finish();

    if (!context.clean()) return fail(ErrorCode::invalid_argument, context.joined_mistakes());
    config.origins = context.origins();
    if (!flags.listen.empty()) config.origins.insert_or_assign("server.listen", "--listen");
    config.master_key = Secret(variable_or(environment, "LURUS_MASTER_KEY"));
    if (environment.variables.contains("LURUS_MASTER_KEY") && config.master_key.empty())
        config.warnings.push_back("LURUS_MASTER_KEY is empty: the data folder's master.key is used");
    warn_of_misspelt_variables(context, config);
    warn_of_readable_secrets(config);
    return config;
}

std::string_view default_config_text() {
    return embedded_file("config/lurus.toml");
}

}  // namespace lurus::config
