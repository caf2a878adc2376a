#include "modules/identity/keys/keys.hpp"

#include <algorithm>

#include "modules/identity/keys/configured_keys.hpp"
#include "modules/identity/keys/key_snapshot.hpp"
#include "modules/identity/keys/key_text.hpp"

namespace lurus::identity {
namespace {

// A name means something within one organisation; who reaches all of them means the default one's.
template <class Range>
auto find_key(Range& keys, const KeyReach& reach, std::string_view id_or_name) {
    return std::ranges::find_if(keys, [&](const KeyInfo& key) {
        return reach.covers(key) &&
               (key.id == id_or_name || (key.name == id_or_name && (reach.org || key.org == default_org)));
    });
}

Error unknown(std::string_view id_or_name) {
    return Error(ErrorCode::not_found, "there is no key `" + std::string(id_or_name) + "`; `lurus key list` shows them",
                 ErrorSubject("key", std::string(id_or_name)));
}

Error name_taken(const std::string& name, bool configured) {
    return Error(ErrorCode::conflict,
                 "a key named `" + name + "` exists already" + (configured ? " in the configuration file" : "") +
                     "; choose another name or revoke it",
                 ErrorSubject("key", name));
}

}  // namespace

KeyReach KeyReach::of(const Principal& principal) {
    KeyReach reach;
    if (principal.kind == Principal::Kind::admin_token && principal.org.empty()) return reach;
    reach.org = principal.org;
    if (!principal.sees_organisation()) reach.member = principal.member;
    return reach;
}

Keys::Keys(IdentitySettings settings, const Clock& clock, std::unique_ptr<KeyStore> store, std::vector<KeyInfo> stored)
    : settings_(std::move(settings)), clock_(clock), store_(std::move(store)), stored_(std::move(stored)) {
    for (auto& key : stored_) key.use = std::make_shared<KeyUse>();
    snapshot_ = make_snapshot(stored_);
}

Result<CreatedKey> Keys::create(const NewKey& wanted) {
    for (const auto& checked : {check_name(wanted.name), check_note(wanted.note), check_tags(wanted.tags),
                                check_models(wanted.models), check_rules(wanted.rules)}) {
        if (!checked) return std::unexpected(checked.error());
    }
    const UnixMicros now = clock_.now();
    if (wanted.expires && *wanted.expires <= now) {
        return fail(ErrorCode::invalid_argument,
                    "the key would have expired at " + format_time(*wanted.expires) + " already");
    }
    auto key = make_key(settings_.key_prefix);
    if (!key) return std::unexpected(key.error());

    KeyInfo info;
    info.name = wanted.name;
    info.org = wanted.org;
    info.team = wanted.team;
    info.user = wanted.user;
    info.tags = wanted.tags;
    info.hint = hint_of(key->reveal(), settings_.key_prefix);
    info.note = wanted.note;
    info.source = "store";
    info.created = now;
    info.expires = wanted.expires;
    info.expires_after = wanted.expires_after;
    info.models = wanted.models;
    info.families = wanted.families;
    info.rules = wanted.rules;
    info.hash = hash_of(key->reveal());
    info.use = std::make_shared<KeyUse>();
    {
        const std::scoped_lock lock(change_mutex_);
        for (const auto* keys : {&stored_, &configured_}) {
            const bool taken = std::ranges::any_of(
                *keys, [&](const KeyInfo& other) { return other.name == info.name && other.org == info.org; });
            if (taken) return std::unexpected(name_taken(info.name, keys == &configured_));
        }
        info.id = ids_.next(now).hex();
        if (auto ok = store_->insert(info); !ok) {
            // Another process that shares the data folder may have taken the name since it was read.
            if (ok.error().code != ErrorCode::conflict) return std::unexpected(ok.error());
            return std::unexpected(name_taken(info.name, false));
        }
        // Nearly always the end: a clock may have been set back.
        stored_.insert(std::ranges::upper_bound(stored_, place_of(info), {}, place_of), info);
        publish();
    }
    notify();
    return CreatedKey{*std::move(key), std::move(info)};
}

Result<KeyInfo*> Keys::stored_key(const KeyReach& reach, std::string_view id_or_name) {
    if (const auto found = find_key(stored_, reach, id_or_name); found != stored_.end()) return &*found;
    if (find_key(configured_, reach, id_or_name) != configured_.end()) {
        return fail(ErrorCode::conflict,
                    "key `" + std::string(id_or_name) + "` comes from the configuration file; change it there",
                    ErrorSubject("key", std::string(id_or_name)));
    }
    return std::unexpected(unknown(id_or_name));
}

Result<void> Keys::revoke(const KeyReach& reach, std::string_view id_or_name) {
    {
        const std::scoped_lock lock(change_mutex_);
        const auto key = stored_key(reach, id_or_name);
        if (!key) return std::unexpected(key.error());
        if (auto ok = store_->revoke((*key)->id, clock_.now(), false); !ok) return ok;
        stored_.erase(stored_.begin() + (*key - stored_.data()));
        publish();
    }
    notify();
    return {};
}

Result<void> Keys::revoke_all_of(const UserSet& members, bool forget) {
    {
        const std::scoped_lock lock(change_mutex_);
        std::vector<std::string> ids;
        for (const auto& key : stored_) {
            if (!key.user.empty() && members.contains(key.user)) ids.push_back(key.id);
        }
        for (const auto& id : ids) {
            if (auto ok = store_->revoke(id, clock_.now(), forget); !ok) return ok;
            std::erase_if(stored_, [&](const KeyInfo& key) { return key.id == id; });
        }
        if (ids.empty()) return {};
        publish();
    }
    notify();
    return {};
}

Result<void> Keys::leave_team(std::string_view team) {
    {
        const std::scoped_lock lock(change_mutex_);
        for (auto& key : stored_) {
            if (key.team != team) continue;
            KeyInfo changed = key;
            changed.team.clear();
            if (auto ok = store_->update(changed); !ok) return ok;
            key = std::move(changed);
        }
        publish();
    }
    notify();
    return {};
}

Result<KeyInfo> Keys::change(const KeyReach& reach, std::string_view id_or_name, const KeyChange& change) {
    if (change.note) {
        if (auto ok = check_note(*change.note); !ok) return std::unexpected(ok.error());
    }
    if (change.tags) {
        if (auto ok = check_tags(*change.tags); !ok) return std::unexpected(ok.error());
    }
    if (change.models) {
        if (auto ok = check_models(*change.models); !ok) return std::unexpected(ok.error());
    }
    KeyInfo changed;
    {
        const std::scoped_lock lock(change_mutex_);
        const auto key = stored_key(reach, id_or_name);
        if (!key) return std::unexpected(key.error());
        changed = **key;
        if (change.note) changed.note = *change.note;
        if (change.user) changed.user = *change.user;
        if (change.team) changed.team = *change.team;
        if (change.tags) changed.tags = *change.tags;
        if (change.models) changed.models = *change.models;
        if (change.families) changed.families = *change.families;
        if (change.expires) {
            changed.expires = *change.expires;
            changed.expires_after.reset();
        }
        if (change.expires_after) {
            // Counted anew: what came before is no first use any more.
            changed.expires_after = *change.expires_after;
            changed.expires.reset();
            changed.use = std::make_shared<KeyUse>();
        }
        if (change.disabled) changed.disabled = *change.disabled;
        change.rules.apply(changed.rules);
        if (auto ok = check_rules(changed.rules); !ok) return std::unexpected(ok.error());
        if (auto ok = store_->update(changed); !ok) return std::unexpected(ok.error());
        **key = changed;
        publish();
    }
    notify();
    return changed;
}

Result<CreatedKey> Keys::rotate(const KeyReach& reach, std::string_view id_or_name, std::int64_t overlap) {
    auto value = make_key(settings_.key_prefix);
    if (!value) return std::unexpected(value.error());
    KeyInfo changed;
    {
        const std::scoped_lock lock(change_mutex_);
        const auto key = stored_key(reach, id_or_name);
        if (!key) return std::unexpected(key.error());
        changed = **key;
        changed.old.reset();
        if (overlap > 0) changed.old = OldKey{changed.hash, clock_.now() + overlap};
        changed.hash = hash_of(value->reveal());
        changed.hint = hint_of(value->reveal(), settings_.key_prefix);
        if (auto ok = store_->update(changed); !ok) return std::unexpected(ok.error());
        **key = changed;
        publish();
    }
    notify();
    return CreatedKey{*std::move(value), std::move(changed)};
}

Result<KeyInfo> Keys::get(const KeyReach& reach, std::string_view id_or_name) const {
    const auto current = snapshot();
    const auto found = find_key(current->all(), reach, id_or_name);
    if (found == current->all().end()) return std::unexpected(unknown(id_or_name));
    return *found;
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
    std::ranges::sort(configured, {}, place_of);
    configured_ = std::move(configured);
    publish();
}

void Keys::set_standing(Standing standing) {
    {
        const std::scoped_lock lock(change_mutex_);
        if (standing == standing_) return;
        standing_ = std::move(standing);
        own_limits_.clear();
        for (const auto& [id, limits] : standing_.limits)
            own_limits_.emplace(id, std::make_shared<const Limits>(limits));
        publish();
    }
    notify();
}

Result<void> Keys::store_use() {
    bool expiry_fixed = false;
    {
        const std::scoped_lock lock(change_mutex_);
        std::vector<std::pair<std::string, UnixMicros>> used;
        for (auto& key : stored_) {
            const UnixMicros last = key.use->last();
            if (last == 0 || last == key.last_used) continue;
            key.last_used = last;
            used.emplace_back(key.id, last);
            if (!key.expires_after || key.use->first() == 0) continue;
            KeyInfo fixed = key;
            fixed.expires = key.use->first() + *key.expires_after;
            fixed.expires_after.reset();
            if (auto ok = store_->update(fixed); !ok) return ok;
            key = std::move(fixed);
            expiry_fixed = true;
        }
        if (!used.empty()) {
            if (auto ok = store_->note_use(used); !ok) return ok;
        }
        if (expiry_fixed) publish();
    }
    if (expiry_fixed) notify();
    return {};
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
    const auto& barred = standing_.barred;
    const auto own = [this](const std::string& id) {
        if (id.empty() || own_limits_.empty()) return OwnLimits();
        const auto found = own_limits_.find(id);
        return found == own_limits_.end() ? OwnLimits() : found->second;
    };
    for (auto& key : all) {
        key.barred = barred.contains(key.org) || (!key.user.empty() && barred.contains(key.user));
        key.user_limits = own(key.user);
        key.team_limits = own(key.team);
        key.org_limits = own(key.org);
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
