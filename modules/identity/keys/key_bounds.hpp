#pragma once
// What an administrator set of a key binds its owner, who may go below it and never beyond.

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "lurus/identity.hpp"
#include "modules/identity/keys/keys.hpp"

namespace lurus::identity {

/// What is set, as the API shows it.
nlohmann::ordered_json json_of(const KeyBounds& bounds);
std::string stored_bounds(const KeyBounds& bounds);
/// `corrupt` unless it is what `stored_bounds` writes.
Result<KeyBounds> bounds_from_stored(std::string_view text);

/// What an administrator's change leaves of the bounds.
void set_bounds(KeyBounds& bounds, const KeyChange& change);
/// What all that is set of a new key binds its owner to.
KeyBounds bounds_of(const KeyInfo& key);

/// `permission_denied` names what the owner's `change` of `key` would lift. An expiry that counts from the first use is
/// fixed by a change of it: counted anew again and again it would never come.
Result<void> keep_bounds(KeyBounds& bounds, const KeyInfo& key, const KeyChange& change, UnixMicros now);

/// The bounds and limits of the owner's revoked key of the same name hold for the one that comes after it.
Result<void> follow_revoked(KeyInfo& key, const KeyInfo& revoked, UnixMicros now);

/// Sets or takes away when a key, or its bounds, end.
template <class Ending>
void set_expiry(Ending& ending, const KeyChange& change) {
    if (change.expires) {
        ending.expires = *change.expires;
        ending.expires_after.reset();
    }
    // With a time beside it, null says only that nothing counts from the first use.
    const bool beside = change.expires && *change.expires;
    if (!change.expires_after || (beside && !*change.expires_after)) return;
    ending.expires_after = *change.expires_after;
    ending.expires.reset();
}

}  // namespace lurus::identity
