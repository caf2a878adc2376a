#pragma once
// What of the configuration switches something in the running process, and the few of it that can be switched there.

#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>

#include "config/config.hpp"
#include "lurus/clock.hpp"
#include "lurus/result.hpp"

namespace lurus::app {

struct Flag {
    std::string_view name;  // the option's: `log.bodies`
    std::string_view description;
    bool at_start;  // a change of the configuration takes effect at the next start
    nlohmann::ordered_json (*value)(const Config&);
    /// `invalid_argument` says what the value must be. Null: only the configuration changes it.
    Result<void> (*set)(Config&, const nlohmann::ordered_json&);
};

std::span<const Flag> flags();
const Flag* find_flag(std::string_view name);
/// Where the option or a part of it was set: a position, a variable, a flag of the command line; empty = nowhere.
std::string origin_of(const Config& config, std::string_view flag);

/// What was changed while the process ran; wins over the configuration. Any thread.
class FlagStore {
public:
    virtual ~FlagStore() = default;
    virtual Result<void> set(std::string_view name, const nlohmann::ordered_json& value, UnixMicros now) = 0;
    /// The configuration's counts again. Done as well when nothing is stored.
    virtual Result<void> unset(std::string_view name) = 0;
    [[nodiscard]] virtual std::map<std::string, nlohmann::ordered_json> all() const = 0;
};

Result<std::unique_ptr<FlagStore>> open_flag_store_sqlite(const std::filesystem::path& file);

/// Puts the stored values over the configuration's; one that does not go with it (any more) becomes a warning.
void take_stored(const FlagStore& store, Config& config);

}  // namespace lurus::app
