#pragma once
// Port: keys that clients present (users, roles and sessions come with the team).

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lurus/api.hpp"
#include "lurus/clock.hpp"
#include "lurus/dialect.hpp"
#include "lurus/limits.hpp"
#include "lurus/result.hpp"
#include "lurus/secret.hpp"

namespace lurus {

using Sha256 = std::array<std::uint8_t, 32>;

/// What is known of a key; never the key itself.
struct KeyInfo {
    std::string id;    // hex, 32 digits
    std::string name;  // unique among the keys that are not revoked
    std::string user;  // empty until keys have owners
    std::string hint;  // prefix and last four characters, for people
    std::string note;
    std::string source;  // `store` or `config`
    UnixMicros created = 0;
    std::optional<UnixMicros> expires;
    bool disabled = false;
    std::vector<std::string> models;  // globs; empty = all
    std::vector<Family> families;     // empty = all
    KeyRules rules;
    Sha256 hash{};

    [[nodiscard]] bool usable_at(UnixMicros now) const { return !disabled && (!expires || now < *expires); }
    /// Among `models`, and not denied by `rules`.
    [[nodiscard]] bool allows_model(std::string_view model) const;
    [[nodiscard]] bool allows(Family family) const;
};

/// All keys at one moment. Immutable: shards read it without locks.
class KeySnapshot {
public:
    virtual ~KeySnapshot() = default;
    /// Hashes the presented key and compares in constant time. Null when there is none; expiry is the caller's to
    /// check.
    [[nodiscard]] virtual const KeyInfo* find(std::string_view presented) const = 0;
    [[nodiscard]] virtual const std::vector<KeyInfo>& all() const = 0;
};

/// A key fixed in the configuration.
struct ConfiguredKey {
    std::string name;
    Secret value;
    std::vector<std::string> models;
    std::vector<Family> families;
    KeyRules rules;
    std::optional<UnixMicros> expires;
    bool disabled = false;
    std::string note;
};

struct NewKey {
    std::string name;
    std::string note;
    std::vector<std::string> models;
    std::vector<Family> families;
    KeyRules rules;
    std::optional<UnixMicros> expires;
};

struct CreatedKey {
    Secret key;  // shown once
    KeyInfo info;
};

struct IdentitySettings {
    std::filesystem::path file;  // data/lurus.db
    std::string key_prefix = "cr_";
};

/// Any thread. Every change calls `on_change` after it is stored.
class Identity {
public:
    virtual ~Identity() = default;
    virtual Result<CreatedKey> create_key(const NewKey& wanted) = 0;
    virtual Result<void> revoke_key(std::string_view id_or_name) = 0;
    virtual Result<void> set_disabled(std::string_view id_or_name, bool disabled) = 0;
    virtual Result<std::vector<KeyInfo>> list_keys() = 0;
    /// Replaces the keys that come from the configuration file.
    virtual Result<void> configure(std::vector<ConfiguredKey> keys) = 0;
    [[nodiscard]] virtual std::shared_ptr<const KeySnapshot> snapshot() const = 0;
    virtual void on_change(std::function<void()> callback) = 0;
    /// `/api/v1/keys`, `/api/v1/keys/{id}`.
    [[nodiscard]] virtual std::vector<ApiRoute> api() = 0;
};

Result<std::unique_ptr<Identity>> make_identity_sqlite(const IdentitySettings& settings, const Clock& clock);

}  // namespace lurus
