#include "lurus/identity.hpp"

#include <algorithm>

#include "modules/identity/key_snapshot.hpp"
#include "modules/identity/key_text.hpp"
#include "modules/identity/keys.hpp"

namespace lurus {
namespace identity {
namespace {

bool is_called(const KeyInfo& key, std::string_view id_or_name) {
    return key.id == id_or_name || key.name == id_or_name;
}

Error unknown(std::string_view id_or_name) {
    return Error(ErrorCode::not_found,
                 "there is no key `" + std::string(id_or_name) + "`; `lurus key list` shows them");
}

// The id of a configured key is the same in every process and after every reload.
std::string configured_id(std::string_view name) {
    Id id;
    const Sha256 hash = hash_of("configured key: " + std::string(name));
    std::copy_n(hash.begin(), id.bytes.size(), id.bytes.begin());
    return id.hex();
}

Result<std::vector<KeyInfo>> infos_of(const std::vector<ConfiguredKey>& keys, std::string_view prefix, UnixMicros now) {
    std::vector<KeyInfo> infos;
    for (const auto& key : keys) {
        if (auto ok = check_name(key.name); !ok) {
            return fail(ErrorCode::invalid_argument, "key `" + key.name + "`: " + ok.error().message);
        }
        if (auto ok = check_configured_value(key.name, key.value); !ok) return std::unexpected(ok.error());
        for (const auto& ok : {check_models(key.models), check_rules(key.rules)}) {
            if (!ok) return fail(ErrorCode::invalid_argument, "key `" + key.name + "`: " + ok.error().message);
        }
        KeyInfo info;
        info.id = configured_id(key.name);
        info.name = key.name;
        info.hint = hint_of(key.value.reveal(), prefix);
        info.note = key.note;
        info.source = "config";
        info.created = now;
        info.expires = key.expires;
        info.disabled = key.disabled;
        info.models = key.models;
        info.families = key.families;
        info.rules = key.rules;
        info.hash = hash_of(key.value.reveal());
        for (const auto& other : infos) {
            if (other.name == info.name) {
                return fail(ErrorCode::conflict,
                            "two keys in the configuration are named `" + info.name + "`; rename one");
            }
            if (other.hash == info.hash) {
                return fail(ErrorCode::conflict, "keys `" + other.name + "` and `" + info.name +
                                                     "` in the configuration have the same value");
            }
        }
        infos.push_back(std::move(info));
    }
    return infos;
}

}  // namespace

Keys::Keys(IdentitySettings settings, const Clock& clock, std::unique_ptr<KeyStore> store, std::vector<KeyInfo> stored)
    : settings_(std::move(settings)), clock_(clock), store_(std::move(store)), stored_(std::move(stored)) {
    snapshot_ = make_snapshot(stored_);
}

Result<CreatedKey> Keys::create_key(const NewKey& wanted) {
    for (const auto& checked :
         {check_name(wanted.name), check_note(wanted.note), check_models(wanted.models), check_rules(wanted.rules)}) {
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
    info.hint = hint_of(key->reveal(), settings_.key_prefix);
    info.note = wanted.note;
    info.source = "store";
    info.created = now;
    info.expires = wanted.expires;
    info.models = wanted.models;
    info.families = wanted.families;
    info.rules = wanted.rules;
    info.hash = hash_of(key->reveal());
    {
        const std::scoped_lock lock(change_mutex_);
        for (const auto* keys : {&stored_, &configured_}) {
            const auto same = std::ranges::find(*keys, info.name, &KeyInfo::name);
            if (same == keys->end()) continue;
            return fail(ErrorCode::conflict, "a key named `" + info.name + "` exists already" +
                                                 (same->source == "config" ? " in the configuration file" : "") +
                                                 "; choose another name or revoke it");
        }
        info.id = ids_.next(now).hex();
        if (auto ok = store_->insert(info); !ok) {
            // Another process that shares the data folder may have taken the name since it was read.
            if (ok.error().code != ErrorCode::conflict) return std::unexpected(ok.error());
            return fail(ErrorCode::conflict,
                        "a key named `" + info.name + "` exists already; choose another name or revoke it");
        }
        stored_.push_back(info);
        publish();
    }
    notify();
    return CreatedKey{*std::move(key), std::move(info)};
}

Result<KeyInfo*> Keys::stored_key(std::string_view id_or_name) {
    const auto found = std::ranges::find_if(stored_, [&](const auto& key) { return is_called(key, id_or_name); });
    if (found != stored_.end()) return &*found;
    if (std::ranges::any_of(configured_, [&](const auto& key) { return is_called(key, id_or_name); })) {
        return fail(ErrorCode::conflict,
                    "key `" + std::string(id_or_name) + "` comes from the configuration file; change it there");
    }
    return std::unexpected(unknown(id_or_name));
}

Result<void> Keys::revoke_key(std::string_view id_or_name) {
    {
        const std::scoped_lock lock(change_mutex_);
        const auto key = stored_key(id_or_name);
        if (!key) return std::unexpected(key.error());
        if (auto ok = store_->revoke((*key)->id, clock_.now()); !ok) return ok;
        stored_.erase(stored_.begin() + (*key - stored_.data()));
        publish();
    }
    notify();
    return {};
}

Result<void> Keys::set_disabled(std::string_view id_or_name, bool disabled) {
    KeyChange wanted;
    wanted.disabled = disabled;
    auto changed = change(id_or_name, wanted);
    if (!changed) return std::unexpected(changed.error());
    return {};
}

Result<KeyInfo> Keys::change(std::string_view id_or_name, const KeyChange& change) {
    if (change.note) {
        if (auto ok = check_note(*change.note); !ok) return std::unexpected(ok.error());
    }
    if (change.models) {
        if (auto ok = check_models(*change.models); !ok) return std::unexpected(ok.error());
    }
    KeyInfo changed;
    {
        const std::scoped_lock lock(change_mutex_);
        const auto key = stored_key(id_or_name);
        if (!key) return std::unexpected(key.error());
        changed = **key;
        if (change.note) changed.note = *change.note;
        if (change.models) changed.models = *change.models;
        if (change.families) changed.families = *change.families;
        if (change.expires) changed.expires = *change.expires;
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

Result<std::vector<KeyInfo>> Keys::list_keys() {
    return snapshot()->all();
}

Result<KeyInfo> Keys::get(std::string_view id_or_name) const {
    const auto current = snapshot();
    const auto found =
        std::ranges::find_if(current->all(), [&](const auto& key) { return is_called(key, id_or_name); });
    if (found == current->all().end()) return std::unexpected(unknown(id_or_name));
    return *found;
}

Result<void> Keys::configure(std::vector<ConfiguredKey> keys) {
    auto infos = infos_of(keys, settings_.key_prefix, clock_.now());
    if (!infos) return std::unexpected(infos.error());
    {
        const std::scoped_lock lock(change_mutex_);
        for (auto& info : *infos) {
            for (const auto& stored : stored_) {
                if (stored.name == info.name) {
                    return fail(ErrorCode::conflict,
                                "key `" + info.name +
                                    "` is in the configuration and stored as well; rename it there, or revoke the "
                                    "stored one with `lurus key revoke`");
                }
                if (stored.hash == info.hash) {
                    return fail(ErrorCode::conflict, "key `" + info.name +
                                                         "` in the configuration has the value of the stored key `" +
                                                         stored.name + "`; give it another one");
                }
            }
            const auto before = std::ranges::find(configured_, info.name, &KeyInfo::name);
            if (before != configured_.end()) info.created = before->created;
        }
        configured_ = *std::move(infos);
        publish();
    }
    notify();
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

std::vector<ApiRoute> Keys::api() {
    return key_routes(*this);
}

// Under change_mutex_, so that snapshots appear in the order of the changes.
void Keys::publish() {
    std::vector<KeyInfo> all = configured_;
    all.insert(all.end(), stored_.begin(), stored_.end());
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

}  // namespace identity

Result<std::unique_ptr<Identity>> make_identity_sqlite(const IdentitySettings& settings, const Clock& clock) {
    if (auto ok = identity::check_prefix(settings.key_prefix); !ok) return std::unexpected(ok.error());
    auto store = identity::open_key_store_sqlite(settings.file);
    if (!store) return std::unexpected(store.error());
    auto stored = (*store)->load();
    if (!stored) return std::unexpected(stored.error());
    return std::make_unique<identity::Keys>(settings, clock, *std::move(store), *std::move(stored));
}

}  // namespace lurus
