#pragma once
// The keys of one installation: stored ones and those of the configuration, merged into one snapshot.

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "lurus/identity.hpp"
#include "lurus/ids.hpp"
#include "modules/identity/keys/key_rules.hpp"
#include "modules/identity/keys/key_store.hpp"
#include "modules/identity/people/standing.hpp"

namespace lurus::identity {

/// What may be changed of a stored key; empty = stays. `expires` and `expires_after` set to an empty optional = never.
struct KeyChange {
    std::optional<std::string> note, user, team;
    std::optional<std::vector<std::string>> tags, models;
    std::optional<std::vector<Family>> families;
    std::optional<std::optional<UnixMicros>> expires;
    std::optional<std::optional<std::int64_t>> expires_after;
    std::optional<bool> disabled;
    RulesChange rules;
};

/// Whose keys somebody can reach. What is beyond it does not exist for them.
struct KeyReach {
    std::optional<std::string> org;     // empty = of all organisations; a name is then one of the default's
    std::optional<std::string> member;  // empty = all of the organisation

    static KeyReach of(const Principal& principal);
    /// The whole installation.
    static KeyReach all() { return {}; }
    [[nodiscard]] bool covers(const KeyInfo& key) const {
        return (!org || key.org == *org) && (!member || key.user == *member);
    }
};

struct KeyQuery {
    std::optional<std::string> text;  // in name, note, hint or a tag, any case
    std::optional<std::string> tag, user, team;
    std::size_t limit = 100;
    std::string cursor;  // of the page before
};
struct KeyPage {
    std::vector<KeyInfo> keys;  // the configuration's first, then oldest first
    std::string next;           // empty = that was the last
};

/// Where a key stands among all: those of the configuration by name, the stored ones oldest first.
using KeyPlace = std::tuple<bool, UnixMicros, std::string_view>;
KeyPlace place_of(const KeyInfo& key);

/// Any thread. Changes are serialised; snapshot() waits for no database.
class Keys {
public:
    /// `stored` is what `store` holds.
    Keys(IdentitySettings settings, const Clock& clock, std::unique_ptr<KeyStore> store, std::vector<KeyInfo> stored);

    /// `wanted.user` and `wanted.team` exist in `wanted.org`.
    Result<CreatedKey> create(const NewKey& wanted);
    /// `not_found` names the key; a key of the configuration is changed there only: `conflict`.
    Result<KeyInfo> change(const KeyReach& reach, std::string_view id_or_name, const KeyChange& change);
    Result<void> revoke(const KeyReach& reach, std::string_view id_or_name);
    /// A new value; the one before is taken for `overlap` microseconds more.
    Result<CreatedKey> rotate(const KeyReach& reach, std::string_view id_or_name, std::int64_t overlap);
    Result<KeyInfo> get(const KeyReach& reach, std::string_view id_or_name) const;
    /// `invalid_argument` when the cursor is none.
    Result<KeyPage> page(const KeyReach& reach, const KeyQuery& query) const;

    Result<std::unique_ptr<PreparedConfiguration>> prepare(const std::vector<ConfiguredKey>& keys);
    /// What keys take from their owners, teams and organisations.
    void set_standing(Standing standing);
    /// Revokes the keys of these members; `forget`: with what people wrote into them.
    Result<void> revoke_all_of(const UserSet& members, bool forget);
    /// Takes a team that is gone off its keys.
    Result<void> leave_team(std::string_view team);
    /// Stores when keys were used, and fixes the expiry of those that count it from then.
    Result<void> store_use();

    [[nodiscard]] std::shared_ptr<const KeySnapshot> snapshot() const;
    void on_change(std::function<void()> callback);
    [[nodiscard]] const Clock& clock() const { return clock_; }

private:
    class Prepared;
    void take(std::vector<KeyInfo> configured);
    Result<KeyInfo*> stored_key(const KeyReach& reach, std::string_view id_or_name);
    void publish();
    void notify();

    const IdentitySettings settings_;
    const Clock& clock_;

    std::mutex change_mutex_;  // guards store_, stored_, configured_, standing_, own_limits_, ids_
    std::unique_ptr<KeyStore> store_;
    std::vector<KeyInfo> stored_;      // by place
    std::vector<KeyInfo> configured_;  // by place
    Standing standing_;
    std::unordered_map<std::string, OwnLimits> own_limits_;  // those of standing_, by id
    IdGenerator ids_;

    mutable std::mutex snapshot_mutex_;  // guards snapshot_, callbacks_
    std::shared_ptr<const KeySnapshot> snapshot_;
    std::vector<std::function<void()>> callbacks_;
};

}  // namespace lurus::identity
