#pragma once
// What of the configuration switches something in the running process, and the few of it that can be switched there.

#include <cstdint>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "config/config.hpp"
#include "lurus/clock.hpp"
#include "lurus/result.hpp"
#include "lurus/store/flags.hpp"

namespace lurus::control {

struct Flag {
    std::string_view name;  // the option's: `log.bodies`
    std::string_view description;
    bool at_start;  // a change of the configuration takes effect at the next start
    nlohmann::ordered_json (*value)(const config::Config&);
    /// `invalid_argument` says what the value must be. Null: only the configuration changes it.
    Result<void> (*set)(config::Config&, const nlohmann::ordered_json&);
};

std::span<const Flag> flags();
const Flag* find_flag(std::string_view name);
/// Where the option or a part of it was set: a position, a variable, a flag of the command line; empty = nowhere.
std::string where_set(const config::Config& config, std::string_view flag);

/// What was changed while a server ran, as it was last read: reading the configuration again needs no database. Any
/// thread.
class StoredFlags {
public:
    /// Holds nothing before the first refresh. `store` outlives it.
    explicit StoredFlags(FlagStore& store) : store_(store) {}

    /// Takes over what others changed. True when something changed since `in_force`, by whomever.
    Result<bool> refresh();
    /// What `all` gave last is in force.
    void in_force();
    /// `stale` where `wanted` is another version than there is; none = whatever there is.
    Result<void> set(const std::string& name, const nlohmann::ordered_json& value, UnixMicros now,
                     std::optional<std::int64_t> wanted);
    /// The configuration's counts again. Done as well when nothing is stored.
    Result<void> unset(const std::string& name, std::optional<std::int64_t> wanted);
    /// 0 = it is not stored.
    [[nodiscard]] std::int64_t version_of(const std::string& name) const;
    [[nodiscard]] std::map<std::string, nlohmann::ordered_json> all() const;

private:
    Result<void> read_again();  // under mutex_, as the next
    /// Of the row as it is now, 0 = there is none.
    Result<std::int64_t> version_to_change(const std::string& name, std::optional<std::int64_t> wanted);

    FlagStore& store_;
    mutable std::mutex mutex_;                 // guards what follows
    std::map<std::string, StoredFlag> flags_;  // by name
    std::int64_t seen_ = -1;                   // of the store's changes
    bool is_new_ = false;                      // not what is in force
};

/// Puts the stored values over the configuration's; one that does not go with it (any more) becomes a warning.
void take_stored(const StoredFlags& stored, config::Config& config);

}  // namespace lurus::control
