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
#include "lurus/store/keys.hpp"
#include "lurus/store/people.hpp"
#include "modules/identity/keys/key_rules.hpp"

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

constexpr std::size_t max_old_values = 8;

struct Rotation {
    std::int64_t overlap = 86'400'000'000;  // microseconds that the value before is taken still; 0 = not at all
    bool only_new = false;                  // no value before is taken any more, whatever earlier rotations promised
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

/// The order of all keys: those of the configuration by name, the stored ones oldest first.
using KeyOrder = std::tuple<bool, UnixMicros, std::string_view>;
KeyOrder order_of(const KeyInfo& key);

/// Any thread. The store is the authority; what is here follows its change feed, and `snapshot` waits for no database.
/// What was changed through this object is in the snapshot when the call returns, what others changed at the next
/// `refresh`.
class Keys {
public:
    /// `store` outlives it. Nothing stored is known before the first `refresh`.
    Keys(IdentitySettings settings, const Clock& clock, KeyStore& store);

    /// Takes over what changed in the store since the last time, by whomever.
    Result<void> refresh();

    /// `wanted.user` and `wanted.team` exist in `wanted.org`.
    Result<CreatedKey> create(const NewKey& wanted);
    /// Who reaches only keys of their own stays within what an administrator set: `permission_denied`.
    /// `not_found` names the key; a key of the configuration is changed there only: `conflict`. `stale`
    /// when it is not of `version`; without one the change is of whatever there is.
    Result<KeyInfo> change(const KeyReach& reach, std::string_view id_or_name, const KeyChange& change,
                           std::optional<std::int64_t> version = std::nullopt);
    Result<void> revoke(const KeyReach& reach, std::string_view id_or_name,
                        std::optional<std::int64_t> version = std::nullopt);
    /// A new value; the ones before are taken as long as the rotation says, and as earlier ones promised. `conflict`
    /// when more than `max_old_values` would be.
    Result<CreatedKey> rotate(const KeyReach& reach, std::string_view id_or_name, const Rotation& rotation);
    Result<KeyInfo> get(const KeyReach& reach, std::string_view id_or_name) const;
    /// `invalid_argument` when the cursor is none.
    Result<KeyPage> page(const KeyReach& reach, const KeyQuery& query) const;

    Result<std::unique_ptr<PreparedConfiguration>> prepare(const std::vector<ConfiguredKey>& keys);
    /// What keys take from their owners, teams and organisations.
    void set_restrictions(OwnerRestrictions restrictions);
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
    // Those that follow are called with change_mutex_ held.
    /// Whether anything stored is different from what was known.
    Result<bool> take_changes();
    Result<void> load_all();
    void put(KeyInfo key);
    Result<KeyInfo*> stored_key(const KeyReach& reach, std::string_view id_or_name);
    void publish();

    /// Runs `work`, which changes the store, with the mutex and with what is stored now; what it changed is published.
    template <class Work>
    auto with_stored(Work work) -> std::invoke_result_t<Work&>;
    /// Has `edit(KeyInfo&)`, which returns a Result<void>, change a stored key.
    template <class Edit>
    Result<KeyInfo> edit_key(const KeyReach& reach, std::string_view id_or_name, std::optional<std::int64_t> version,
                             Edit edit);
    void notify();

    const IdentitySettings settings_;
    const Clock& clock_;
    KeyStore& store_;

    std::mutex change_mutex_;           // guards what follows
    std::optional<std::int64_t> seen_;  // the last change that stored_ has; empty = nothing was loaded
    std::vector<KeyInfo> stored_;       // in order
    std::vector<KeyInfo> configured_;   // in order
    OwnerRestrictions restrictions_;
    std::unordered_map<std::string, OwnLimits> own_limits_;  // those of restrictions_, by id
    std::unordered_map<std::string, OwnModels> own_models_;  // the same
    IdGenerator ids_;

    mutable std::mutex snapshot_mutex_;  // guards snapshot_, callbacks_
    std::shared_ptr<const KeySnapshot> snapshot_;
    std::vector<std::function<void()>> callbacks_;
};

}  // namespace lurus::identity
