#pragma once
// The keys of one installation: stored ones and those of the configuration, merged into one snapshot.

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lurus/identity.hpp"
#include "lurus/ids.hpp"
#include "modules/identity/key_rules.hpp"
#include "modules/identity/key_store.hpp"

namespace lurus::identity {

/// What may be changed of a stored key; empty = stays. `expires` set to an empty optional = never.
struct KeyChange {
    std::optional<std::string> note;
    std::optional<std::vector<std::string>> models;
    std::optional<std::vector<Family>> families;
    std::optional<std::optional<UnixMicros>> expires;
    std::optional<bool> disabled;
    RulesChange rules;
};

/// Any thread. Changes are serialised; snapshot() waits for no database.
class Keys final : public Identity {
public:
    /// `stored` is what `store` holds.
    Keys(IdentitySettings settings, const Clock& clock, std::unique_ptr<KeyStore> store, std::vector<KeyInfo> stored);

    Result<CreatedKey> create_key(const NewKey& wanted) override;
    Result<void> revoke_key(std::string_view id_or_name) override;
    Result<void> set_disabled(std::string_view id_or_name, bool disabled) override;
    Result<std::vector<KeyInfo>> list_keys() override;
    Result<void> configure(std::vector<ConfiguredKey> keys) override;
    std::shared_ptr<const KeySnapshot> snapshot() const override;
    void on_change(std::function<void()> callback) override;
    std::vector<ApiRoute> api() override;

    /// `not_found` names the key; a key of the configuration is changed there only: `conflict`.
    Result<KeyInfo> change(std::string_view id_or_name, const KeyChange& change);
    Result<KeyInfo> get(std::string_view id_or_name) const;
    [[nodiscard]] const Clock& clock() const { return clock_; }

private:
    Result<KeyInfo*> stored_key(std::string_view id_or_name);
    void publish();
    void notify();

    const IdentitySettings settings_;
    const Clock& clock_;

    std::mutex change_mutex_;  // guards store_, stored_, configured_, ids_
    std::unique_ptr<KeyStore> store_;
    std::vector<KeyInfo> stored_;
    std::vector<KeyInfo> configured_;
    IdGenerator ids_;

    mutable std::mutex snapshot_mutex_;  // guards snapshot_, callbacks_
    std::shared_ptr<const KeySnapshot> snapshot_;
    std::vector<std::function<void()>> callbacks_;
};

/// The management API over `keys`, which must outlive the routes.
std::vector<ApiRoute> key_routes(Keys& keys);

}  // namespace lurus::identity
