#include "modules/identity/keys/keys.hpp"

#include <algorithm>

#include "modules/identity/keys/configured_keys.hpp"
#include "modules/identity/keys/key_snapshot.hpp"

namespace lurus::identity {
KeyReach KeyReach::of(const Principal& principal) {
    KeyReach reach;
    if (principal.kind == Principal::Kind::admin_token && principal.org.empty()) return reach;
    reach.org = principal.org;
    if (!principal.sees_organisation()) reach.member = principal.member;
    return reach;
}

Keys::Keys(IdentitySettings settings, const Clock& clock, KeyStore& store)
    : settings_(std::move(settings)), clock_(clock), store_(store), snapshot_(make_snapshot({})) {}

Result<void> Keys::load_all() {
    // The feed first: a change that comes between the two is taken over twice, never missed.
    const auto head = store_.changes().head();
    if (!head) return std::unexpected(head.error());
    auto stored = store_.load();
    if (!stored) return std::unexpected(stored.error());
    for (auto& key : *stored) {
        const auto known = std::ranges::lower_bound(stored_, order_of(key), {}, order_of);
        const bool here = known != stored_.end() && known->id == key.id;
        key.use = here ? known->use : std::make_shared<KeyUse>();
    }
    stored_ = *std::move(stored);
    seen_ = *head;
    return {};
}

Result<bool> Keys::take_changes() {
    const auto head = store_.changes().head();
    if (!head) return std::unexpected(head.error());
    if (!seen_ || !same_history(*seen_, *head)) {
        if (auto done = load_all(); !done) return std::unexpected(done.error());
        return true;
    }
    constexpr std::size_t at_once = 100;
    for (bool any = false;;) {
        const auto changes = store_.changes().changes_after(*seen_, at_once);
        if (!changes) return std::unexpected(changes.error());
        for (const auto& change : *changes) {
            auto key = change.deleted ? Result<std::optional<KeyInfo>>() : store_.find(change.id);
            if (!key) return std::unexpected(key.error());
            if (*key)
                put(**std::move(key));
            else
                std::erase_if(stored_, [&](const KeyInfo& known) { return known.id == change.id; });
            seen_ = change.number;
            any = true;
        }
        if (changes->size() < at_once) return any;
    }
}

// Shards go on noting its use in the object that their snapshot has, unless the use is counted anew.
void Keys::put(KeyInfo key) {
    const auto known = std::ranges::lower_bound(stored_, order_of(key), {}, order_of);
    if (known != stored_.end() && known->id == key.id) {
        const bool anew = key.expires_after && !known->expires_after;
        key.use = anew ? std::make_shared<KeyUse>() : known->use;
        *known = std::move(key);
        return;
    }
    key.use = std::make_shared<KeyUse>();
    stored_.insert(known, std::move(key));
}

class Keys::Prepared final : public PreparedConfiguration {
public:
    Prepared(Keys& keys, std::vector<KeyInfo> configured) : keys_(keys), configured_(std::move(configured)) {}
    void commit() override { keys_.take(std::move(configured_)); }

private:
    Keys& keys_;
    std::vector<KeyInfo> configured_;
};

Result<std::unique_ptr<PreparedConfiguration>> Keys::prepare(const std::vector<ConfiguredKey>& keys) {
    auto infos = infos_of(keys, settings_.key_prefix, clock_.now());
    if (!infos) return std::unexpected(infos.error());
    for (auto& info : *infos) info.use = std::make_shared<KeyUse>();
    const std::scoped_lock lock(change_mutex_);
    for (const auto& info : *infos) {
        for (const auto& stored : stored_) {
            if (stored.name == info.name && stored.org == info.org) {
                return fail(ErrorCode::conflict,
                            "key `" + info.name +
                                "` is in the configuration and stored as well; rename it there, or revoke the "
                                "stored one with `lurus key revoke`",
                            ErrorSubject("key", info.name));
            }
            if (stored.hash == info.hash) {
                return fail(ErrorCode::conflict,
                            "key `" + info.name + "` in the configuration has the value of the stored key `" +
                                stored.name + "`; give it another one",
                            ErrorSubject("key", info.name));
            }
        }
    }
    return std::make_unique<Prepared>(*this, *std::move(infos));
}

// A key that was stored since, with the name of one of these, stays: each is known by its id and its value.
void Keys::take(std::vector<KeyInfo> configured) {
    const std::scoped_lock lock(change_mutex_);
    for (auto& info : configured) {
        const auto before = std::ranges::find(configured_, info.name, &KeyInfo::name);
        if (before == configured_.end()) continue;
        info.use = before->use;
        info.created = before->created;
    }
    std::ranges::sort(configured, {}, order_of);
    configured_ = std::move(configured);
    publish();
}

void Keys::set_restrictions(OwnerRestrictions restrictions) {
    {
        const std::scoped_lock lock(change_mutex_);
        if (restrictions == restrictions_) return;
        restrictions_ = std::move(restrictions);
        own_limits_.clear();
        for (const auto& [id, limits] : restrictions_.limits)
            own_limits_.emplace(id, std::make_shared<const Limits>(limits));
        own_models_.clear();
        for (const auto& [id, models] : restrictions_.models)
            own_models_.emplace(id, std::make_shared<const ModelRules>(models));
        publish();
    }
    notify();
}

std::shared_ptr<const KeySnapshot> Keys::snapshot() const {
    const std::scoped_lock lock(snapshot_mutex_);
    return snapshot_;
}

void Keys::on_change(std::function<void()> callback) {
    const std::scoped_lock lock(snapshot_mutex_);
    callbacks_.push_back(std::move(callback));
}

// Under change_mutex_, so that snapshots appear in the order of the changes.
void Keys::publish() {
    std::vector<KeyInfo> all;
    all.reserve(configured_.size() + stored_.size());
    all.insert(all.end(), configured_.begin(), configured_.end());
    all.insert(all.end(), stored_.begin(), stored_.end());
    const auto& blocked = restrictions_.blocked;
    const auto own = [this](const std::string& id) {
        if (id.empty() || own_limits_.empty()) return OwnLimits();
        const auto found = own_limits_.find(id);
        return found == own_limits_.end() ? OwnLimits() : found->second;
    };
    for (auto& key : all) {
        key.blocked = blocked.contains(key.org) || (!key.user.empty() && blocked.contains(key.user));
        key.user_limits = own(key.user);
        key.team_limits = own(key.team);
        key.org_limits = own(key.org);
        key.owner_models.clear();
        if (own_models_.empty()) continue;
        for (const auto* id : {&key.user, &key.team, &key.org}) {
            const auto found = own_models_.find(*id);
            if (found != own_models_.end()) key.owner_models.push_back(found->second);
        }
    }
    auto next = make_snapshot(std::move(all));
    const std::scoped_lock lock(snapshot_mutex_);
    snapshot_.swap(next);
}

// Outside every lock: a callback may ask for the snapshot or change a key.
void Keys::notify() {
    std::vector<std::function<void()>> callbacks;
    {
        const std::scoped_lock lock(snapshot_mutex_);
        callbacks = callbacks_;
    }
    for (const auto& callback : callbacks) callback();
}

}  // namespace lurus::identity
