#pragma once
// What is known of each kind of provider before anything is configured.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lurus/dialect.hpp"
#include "lurus/provider.hpp"

namespace lurus::provider {

struct PresetEndpoint {
    Family family = Family::openai;
    AuthScheme auth = AuthScheme::bearer;
    std::string_view base;  // empty: the user's base_url
};

/// Another place where the same vendor listens, with its base for each of the preset's endpoints (in their order).
struct PresetSite {
    std::vector<std::string_view> bases;
};

struct Preset {
    std::string_view name;
    std::string_view alias;  // another name that is taken, or empty
    std::string_view title;
    std::vector<PresetEndpoint> endpoints;
    std::vector<PresetSite> other_sites;
    bool needs_key = true;                 // at the preset's own addresses
    std::string_view key_env;              // the variable that conventionally holds the key, or empty
    Family list_family = Family::openai;   // whose endpoint lists models
    std::string_view list_path;            // empty: the vendor has no list of what this account can use
    bool takes_ask_usage = true;           // `stream_options.include_usage` of a chat's stream
    std::vector<std::string_view> models;  // what it answers for when the user names none

    /// The user must say where it is.
    [[nodiscard]] bool needs_base_url() const { return !endpoints.empty() && endpoints.front().base.empty(); }
};

std::span<const Preset> presets();
/// By name or alias; null when there is none.
const Preset* find_preset(std::string_view kind);
/// `anthropic, openai, ...` for messages.
std::string preset_names();

/// `none`, `bearer`, `x-api-key`, `x-goog-api-key`, `api-key`.
std::string_view name_of(AuthScheme scheme);
/// The header's lower-case name, or empty for `none`.
std::string_view header_of(AuthScheme scheme);

}  // namespace lurus::provider
