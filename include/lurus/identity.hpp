#pragma once
// Port: keys that clients present, and who owns them.

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lurus/api.hpp"
#include "lurus/clock.hpp"
#include "lurus/dialect.hpp"
#include "lurus/ids.hpp"
#include "lurus/limits.hpp"
#include "lurus/prepared.hpp"
#include "lurus/principal.hpp"
#include "lurus/result.hpp"
#include "lurus/secret.hpp"
#include "lurus/users.hpp"

namespace lurus {

using Sha256 = std::array<std::uint8_t, 32>;

/// When a key was used last. Shards note it, `Identity::upkeep` stores it. Lock-free; shared by all snapshots.
class KeyUse {
public:
    /// Within a second of the last note nothing is written, so that shards do not fight for the cache line.
    void note(UnixMicros now) {
        const std::int64_t since = now - last_.load(std::memory_order_relaxed);
        if (since < 1'000'000 && since > -1'000'000) return;
        last_.store(now, std::memory_order_relaxed);
        // A first use later than now was noted while the clock was wrong.
        UnixMicros first = first_.load(std::memory_order_relaxed);
        if (first == 0 || first > now) first_.compare_exchange_strong(first, now, std::memory_order_relaxed);
    }
    /// Since this process started; 0 = never.
    [[nodiscard]] UnixMicros first() const { return first_.load(std::memory_order_relaxed); }
    [[nodiscard]] UnixMicros last() const { return last_.load(std::memory_order_relaxed); }

private:
    std::atomic<UnixMicros> first_ = 0;
    std::atomic<UnixMicros> last_ = 0;
};

/// A value that a rotated key had before; taken until then.
struct OldKey {
    Sha256 hash{};
    std::string hint;  // empty: it was rotated before hints were kept
    UnixMicros until = 0;

    bool operator==(const OldKey&) const = default;
};

/// What an administrator set of a key. Its owner may narrow that and never lift it; what is unset binds nobody.
struct KeyBounds {
    bool disabled = false;
    std::optional<UnixMicros> expires;
    std::optional<std::int64_t> expires_after;
    std::string team;
    std::vector<std::string> models, deny_models, user_agents;
    std::vector<Family> families;
    std::vector<IpRange> ips;

    bool operator==(const KeyBounds&) const = default;
};

/// What a key's records carry beside the names; zero = none.
struct RecordIds {
    Id key, team, org;
};

/// What is known of a key; never the key itself.
struct KeyInfo {
    std::string id;    // hex, 32 digits
    std::string name;  // unique among the organisation's keys that are not revoked
    std::string org = std::string(default_org);
    std::string team;  // id; empty = none
    std::string user;  // id of the member who owns it; empty = the organisation itself
    std::vector<std::string> tags;
    std::string hint;  // prefix and last four characters, for people
    std::string note;
    std::string source;  // `store` or `config`
    UnixMicros created = 0;
    std::optional<UnixMicros> expires;
    std::optional<std::int64_t> expires_after;  // microseconds from the first use, which sets `expires` instead
    std::optional<UnixMicros> last_used;        // as stored; `use` may know better
    bool disabled = false;
    bool blocked = false;             // its owner or organisation is disabled or gone
    std::vector<std::string> models;  // globs; empty = all
    std::vector<Family> families;     // empty = all
    KeyRules rules;
    std::shared_ptr<const KeyBounds> bounds;         // null = no administrator set anything
    OwnLimits user_limits, team_limits, org_limits;  // its owner's, its team's, its organisation's
    std::vector<OwnModels> owner_models;             // of those three, where they have any; none is null
    Sha256 hash{};
    std::vector<OldKey> old;      // oldest first
    std::int64_t version = 0;     // of the stored row; 0: it is the configuration's
    std::shared_ptr<KeyUse> use;  // null = nobody asks
    RecordIds record_ids;         // filled by the snapshot

    [[nodiscard]] bool usable_at(UnixMicros now) const { return !disabled && !blocked && !expired_at(now); }
    [[nodiscard]] bool expired_at(UnixMicros now) const {
        if (expires && now >= *expires) return true;
        // Until `upkeep` has turned the first use into `expires`.
        const UnixMicros first = expires_after && use ? use->first() : 0;
        return first != 0 && now >= first + *expires_after;
    }
    /// Among `models` and those of whom it belongs to, by this very name.
    [[nodiscard]] bool lists_model(std::string_view model) const;
    /// The same, where a list may name it either way.
    [[nodiscard]] bool lists_model(std::string_view model, std::string_view other_name) const;
    /// Denied by `rules` or by whom it belongs to.
    [[nodiscard]] bool denies_model(std::string_view model) const;
    /// Whether `denies(pattern)` holds for a pattern that it, or whom it belongs to, denies.
    template <class Denies>
    [[nodiscard]] bool any_denied(Denies denies) const {
        return std::ranges::any_of(rules.deny_models, denies) ||
               std::ranges::any_of(owner_models,
                                   [&](const OwnModels& own) { return std::ranges::any_of(own->deny_models, denies); });
    }
    /// Listed, and not denied.
    [[nodiscard]] bool allows_model(std::string_view model) const;
    /// It may not use any model.
    [[nodiscard]] bool has_model_rules() const {
        return !models.empty() || !rules.deny_models.empty() || !owner_models.empty();
    }
    [[nodiscard]] bool allows(Family family) const;
    /// What its records carry as their user. A name of a key means something within its organisation only, this
    /// everywhere.
    [[nodiscard]] const std::string& record_user() const { return user.empty() && org != default_org ? org : user; }
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
    bool by_owner = false;  // its owner makes it, else an administrator, whose settings the owner cannot lift then
    std::string org = std::string(default_org);
    std::string team;  // id
    std::string user;  // id of a member of `org`; empty = the organisation's own
    std::vector<std::string> tags;
    std::string note;
    std::vector<std::string> models;
    std::vector<Family> families;
    KeyRules rules;
    std::optional<UnixMicros> expires;
    std::optional<std::int64_t> expires_after;
};

struct CreatedKey {
    Secret key;  // shown once
    KeyInfo info;
};

class KeyStore;
class PeopleStore;

struct IdentitySettings {
    std::string key_prefix = "cr_";
};

/// Any thread. Every change calls `on_change` after it is stored.
class Identity {
public:
    virtual ~Identity() = default;
    virtual Result<CreatedKey> create_key(const NewKey& wanted) = 0;
    /// A name is one of the default organisation's.
    virtual Result<void> revoke_key(std::string_view id_or_name) = 0;
    virtual Result<void> set_disabled(std::string_view id_or_name, bool disabled) = 0;
    virtual Result<std::vector<KeyInfo>> list_keys() = 0;
    /// The keys of the configuration file, in place of those it had before.
    virtual Result<std::unique_ptr<PreparedConfiguration>> prepare(const std::vector<ConfiguredKey>& keys) = 0;
    [[nodiscard]] virtual std::shared_ptr<const KeySnapshot> snapshot() const = 0;
    virtual void on_change(std::function<void()> callback) = 0;
    /// Lives as long as this.
    [[nodiscard]] virtual Users& users() = 0;
    /// What records of the organisation's keys carry as their user.
    virtual Result<std::shared_ptr<const UserSet>> record_users(std::string_view org) = 0;
    /// Whose records the principal may see; null = everybody's.
    virtual Result<std::shared_ptr<const UserSet>> visible_users(const Principal& principal) = 0;
    /// Takes over what others changed in the stores: another process, or a module that shares them. Cheap when nobody
    /// did. Calls `on_change` when keys are different.
    virtual Result<void> refresh() = 0;
    /// Stores when keys were used. Once a minute is enough.
    virtual Result<void> upkeep() = 0;
    /// `/api/v1/keys`, `members`, `teams`, `service-accounts`, `users`, `orgs`, `me`.
    [[nodiscard]] virtual std::vector<ApiRoute> api() = 0;
};

/// The stores outlive it.
Result<std::unique_ptr<Identity>> make_identity(const IdentitySettings& settings, KeyStore& keys, PeopleStore& people,
                                                const Clock& clock);

}  // namespace lurus
