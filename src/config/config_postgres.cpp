// [postgres]: the database that nodes share.
#include "config/config_sections.hpp"
#include "core/db/postgres_url.hpp"
#include "core/os/platform.hpp"

namespace lurus::config {

void read_postgres(ConfigTable section, Config& config) {
    std::string url, variable, mode = "auto";
    const bool has_url = section.text("url", url), has_variable = section.text("url_env", variable);
    const bool has_mode = section.choice("mode", mode, {"off", "on", "auto"});
    int max_age_ms = 0;
    const bool has_max_age = section.duration_ms("mirror_max_age", max_age_ms, 10'000, 24ll * 86'400'000);
    section.finish();
    if (!has_url && !has_variable) {
        if (has_mode || has_max_age)
            section.mistake("url", "is missing: postgresql://USER:PASSWORD@HOST:PORT/DATABASE (or url_env)");
        return;
    }
    if (has_url && has_variable) return section.mistake("url_env", "and url are two places for one thing: keep one");
    PostgresConfig postgres;
    postgres.mode = backend_setting_from(mode).value_or(BackendSetting::automatic);
    postgres.mirror_max_age_ms = max_age_ms;
    postgres.url = Secret(url);
    if (has_variable) {
        config.secret_variables.insert(variable);
        postgres.url = Secret(platform::variable(variable).value_or(""));
        if (postgres.url.empty())
            return section.mistake("url_env", "names the variable " + variable + ", which is not set");
    }
    if (const auto read = sql::read_postgres_url(postgres.url, 2); !read)
        return section.mistake(has_variable ? "url_env" : "url", ": " + read.error().message);
    config.postgres = std::move(postgres);
}

}  // namespace lurus::config
