// What changes keys: each change goes to the store, and is in the snapshot when its call returns.
#include <algorithm>

#include "modules/identity/keys/find_key.hpp"
#include "modules/identity/keys/key_bounds.hpp"
#include "modules/identity/keys/key_json.hpp"
#include "modules/identity/keys/key_text.hpp"
#include "modules/identity/keys/keys.hpp"

namespace lurus::identity {
namespace {

Error name_taken(const std::string& name, bool configured) {
    return Error(ErrorCode::conflict,
                 "a key named `" + name + "` exists already" + (configured ? " in the configuration file" : "") +
                     "; choose another name or revoke it",
                 ErrorSubject("key", name));
}

// Whether an update would write what is there already: then the version stays.
bool same_row(const KeyInfo& a, const KeyInfo& b) {
    return a.old == b.old && a.hash == b.hash && a.expires == b.expires && a.expires_after == b.expires_after &&
           json_of(a, "", 0) == json_of(b, "", 0);
}

KeyBounds own_bounds(const KeyInfo& key) {
    return key.bounds ? *key.bounds : KeyBounds();
}

void put_bounds(KeyInfo& key, KeyBounds bounds) {
    key.bounds = bounds == KeyBounds() ? nullptr : std::make_shared<const KeyBounds>(std::move(bounds));
}

Error stale_key(const std::string& name) {
    return Error(ErrorCode::stale, "key `" + name + "` was changed meanwhile; read it again");
}

}  // namespace

template <class Work>
auto Keys::with_stored(Work work) -> std::invoke_result_t<Work&> {
    using Outcome = std::invoke_result_t<Work&>;
    bool published = false;
    auto outcome = [&]() -> Outcome {
        const std::scoped_lock lock(change_mutex_);
        const auto before = take_changes();
        if (!before) return std::unexpected(before.error());
        Outcome done = work();
        const auto after = take_changes();
        if (*before || (after && *after)) {
            publish();
            published = true;
        }
        // It is stored, and will be in force; whoever asked must not believe that it is already.
        if (done && !after) return std::unexpected(after.error());
        return done;
    }();
    if (published) notify();
    return outcome;
}

template <class Edit>
Result<KeyInfo> Keys::edit_key(const KeyReach& reach, std::string_view id_or_name, std::optional<std::int64_t> version,
                               Edit edit) {
    // Another process may change the key between our look at it and the update.
    for (int tries = 5;;) {
        bool overtaken = false;
        auto done = with_stored([&]() -> Result<KeyInfo> {
            const auto key = stored_key(reach, id_or_name);
            if (!key) return std::unexpected(key.error());
            if (version && (*key)->version != *version) return std::unexpected(stale_key((*key)->name));
            KeyInfo changed = **key;
            if (auto ok = edit(changed); !ok) return std::unexpected(ok.error());
            if (same_row(changed, **key)) return changed;
            const auto stored = store_.update(changed);
            if (!stored) {
                overtaken = stored.error().code == ErrorCode::conflict;
                return std::unexpected(overtaken && version ? stale_key(changed.name) : stored.error());
            }
            changed.version = *stored;
            return changed;
        });
        if (done || !overtaken || version || --tries == 0) return done;
    }
}

Result<void> Keys::refresh() {
    return with_stored([]() -> Result<void> { return {}; });
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
    info.version = 1;
    if (wanted.by_owner) {
        const auto before = store_.last_revoked(info.org, info.user, info.name);
        if (!before) return std::unexpected(before.error());
        if (*before) {
            if (auto ok = follow_revoked(info, **before, now); !ok) return std::unexpected(ok.error());
            if (auto ok = check_rules(info.rules); !ok) return std::unexpected(ok.error());
        }
    } else {
        put_bounds(info, bounds_of(info));
    }
    auto stored = with_stored([&]() -> Result<void> {
        for (const auto* keys : {&stored_, &configured_}) {
            const bool taken = std::ranges::any_of(
                *keys, [&](const KeyInfo& other) { return other.name == info.name && other.org == info.org; });
            if (taken) return std::unexpected(name_taken(info.name, keys == &configured_));
        }
        info.id = ids_.next(now).hex();
        auto ok = store_.insert(info);
        // Another process may have taken the name since.
        if (!ok && ok.error().code == ErrorCode::conflict) return std::unexpected(name_taken(info.name, false));
        return ok;
    });
    if (!stored) return std::unexpected(stored.error());
    return CreatedKey{*std::move(key), std::move(info)};
}

Result<KeyInfo*> Keys::stored_key(const KeyReach& reach, std::string_view id_or_name) {
    if (const auto found = find_key(stored_, reach, id_or_name); found != stored_.end()) return &*found;
    if (find_key(configured_, reach, id_or_name) != configured_.end()) {
        return fail(ErrorCode::conflict,
                    "key `" + std::string(id_or_name) + "` comes from the configuration file; change it there",
                    ErrorSubject("key", std::string(id_or_name)));
    }
    return std::unexpected(unknown_key(stored_, reach, id_or_name));
}

Result<void> Keys::revoke(const KeyReach& reach, std::string_view id_or_name, std::optional<std::int64_t> version) {
    return with_stored([&]() -> Result<void> {
        const auto key = stored_key(reach, id_or_name);
        if (!key) return std::unexpected(key.error());
        if (version && (*key)->version != *version) return std::unexpected(stale_key((*key)->name));
        const auto revoked = store_.revoke({(*key)->id}, clock_.now(), false);
        if (!revoked) return std::unexpected(revoked.error());
        if (revoked->empty()) return std::unexpected(unknown_key(stored_, reach, id_or_name));
        return {};
    });
}

Result<void> Keys::revoke_all_of(const UserSet& members, bool forget) {
    return with_stored([&]() -> Result<void> {
        std::vector<std::string> ids;
        for (const auto& key : stored_) {
            if (!key.user.empty() && members.contains(key.user)) ids.push_back(key.id);
        }
        if (ids.empty()) return {};
        const auto revoked = store_.revoke(ids, clock_.now(), forget);
        if (!revoked) return std::unexpected(revoked.error());
        return {};
    });
}

Result<void> Keys::leave_team(std::string_view team) {
    std::vector<std::string> ids;
    for (const auto& key : snapshot()->all()) {
        if (key.team == team && key.source == "store") ids.push_back(key.id);
    }
    for (const auto& id : ids) {
        const auto done = edit_key(KeyReach::all(), id, std::nullopt, [&](KeyInfo& key) -> Result<void> {
            if (key.team == team) key.team.clear();
            KeyBounds bounds = own_bounds(key);
            if (bounds.team == team) bounds.team.clear();
            put_bounds(key, std::move(bounds));
            return {};
        });
        if (!done && done.error().code != ErrorCode::not_found) return std::unexpected(done.error());
    }
    return {};
}

Result<KeyInfo> Keys::change(const KeyReach& reach, std::string_view id_or_name, const KeyChange& change,
                             std::optional<std::int64_t> version) {
    if (change.note) {
        if (auto ok = check_note(*change.note); !ok) return std::unexpected(ok.error());
    }
    if (change.tags) {
        if (auto ok = check_tags(*change.tags); !ok) return std::unexpected(ok.error());
    }
    if (change.models) {
        if (auto ok = check_models(*change.models); !ok) return std::unexpected(ok.error());
    }
    return edit_key(reach, id_or_name, version, [&](KeyInfo& key) -> Result<void> {
        KeyBounds bounds = own_bounds(key);
        if (!reach.member)
            set_bounds(bounds, change);
        else if (auto ok = keep_bounds(bounds, key, change, clock_.now()); !ok)
            return ok;
        put_bounds(key, std::move(bounds));
        if (change.note) key.note = *change.note;
        if (change.user) key.user = *change.user;
        if (change.team) key.team = *change.team;
        if (change.tags) key.tags = *change.tags;
        if (change.models) key.models = *change.models;
        if (change.families) key.families = *change.families;
        set_expiry(key, change);
        if (change.expires_after && *change.expires_after) {
            // Counted anew: what came before is no first use any more.
            key.use = std::make_shared<KeyUse>();
            (*stored_key(KeyReach::all(), key.id))->use = key.use;
        }
        if (change.disabled) key.disabled = *change.disabled;
        change.rules.apply(key.rules);
        return check_rules(key.rules);
    });
}

namespace {

// `now` is only told to whoever reads the refusal; what is over frees its place.
Result<void> keep_values(KeyInfo& key, const Rotation& rotation, UnixMicros now) {
    if (rotation.only_new) {
        key.old.clear();
        return {};
    }
    std::erase_if(key.old, [&](const OldKey& old) { return old.until <= now; });
    if (rotation.overlap == 0) return {};
    if (key.old.size() >= max_old_values) {
        const auto first = std::ranges::min(key.old, {}, &OldKey::until);
        return fail(ErrorCode::conflict,
                    "key `" + key.name + "` has " + std::to_string(key.old.size()) +
                        " earlier values that are taken still, and can have no more: rotate it again after " +
                        format_time(first.until) + ", or without an overlap, or end them all with `only_new`",
                    ErrorSubject("key", key.name));
    }
    key.old.push_back({key.hash, key.hint, now + rotation.overlap});
    return {};
}

}  // namespace

Result<CreatedKey> Keys::rotate(const KeyReach& reach, std::string_view id_or_name, const Rotation& rotation) {
    auto value = make_key(settings_.key_prefix);
    if (!value) return std::unexpected(value.error());
    auto changed = edit_key(reach, id_or_name, std::nullopt, [&](KeyInfo& key) -> Result<void> {
        if (auto ok = keep_values(key, rotation, clock_.now()); !ok) return ok;
        key.hash = hash_of(value->reveal());
        key.hint = hint_of(value->reveal(), settings_.key_prefix);
        return {};
    });
    if (!changed) return std::unexpected(changed.error());
    return CreatedKey{*std::move(value), *std::move(changed)};
}

Result<void> Keys::store_use() {
    return with_stored([&]() -> Result<void> {
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
            KeyBounds bounds = own_bounds(key);
            if (bounds.expires_after) bounds.expires = key.use->first() + *bounds.expires_after;
            bounds.expires_after.reset();
            put_bounds(fixed, std::move(bounds));
            // Whoever changed it meanwhile, perhaps to the same, is followed when this ends.
            if (auto ok = store_.update(fixed); !ok && ok.error().code != ErrorCode::conflict)
                return std::unexpected(ok.error());
        }
        return used.empty() ? Result<void>() : store_.note_use(used);
    });
}

}  // namespace lurus::identity
