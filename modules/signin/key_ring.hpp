#pragma once
// The keys that our own tokens are signed with: one signs, those before it still verify what they signed.

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/crypto/secret_box.hpp"
#include "lurus/clock.hpp"
#include "lurus/store/credentials.hpp"
#include "modules/signin/jose.hpp"

namespace lurus::signin {

/// Any thread. Keys rest sealed under the master key, in the store, whose feed says when another process rotates.
class KeyRing {
public:
    static constexpr std::int64_t rotate_after = 30ll * 86'400'000'000;  // microseconds
    /// How long a retired key verifies: longer than any token lives.
    static constexpr std::int64_t verifies_for = 86'400'000'000;

    KeyRing(CredentialStore& store, SecretBox box, const Clock& clock)
        : store_(store), box_(std::move(box)), clock_(clock) {}

    /// Signs with the current key; makes one when there is none, or it is older than `rotate_after`.
    Result<std::string> sign(std::string_view type, std::string_view payload);
    /// The payload of a token of this type that one of the keys signed; else `unauthenticated`. A key that is not known
    /// here is looked for in the store.
    Result<std::string> verify(std::string_view type, std::string_view token);
    /// `conflict` when another process rotates at once.
    Result<void> rotate();
    /// The public keys, RFC 7517.
    Result<std::string> jwks();
    /// Takes over what another process changed, where keys were in use here. Blocks on the database.
    Result<void> refresh();

private:
    struct Entry {
        Jwk key;
        UnixMicros created = 0;
        std::optional<UnixMicros> retired;
    };
    Result<void> follow();
    Result<bool> changed_since_seen();
    Result<void> load();
    Result<void> make();
    Result<void> ready();

    CredentialStore& store_;
    const SecretBox box_;
    const Clock& clock_;
    std::mutex mutex_;         // what follows
    std::vector<Entry> keys_;  // the current one first
    std::int64_t seen_ = -1;   // of the store's changes; -1 = keys were never read
};

}  // namespace lurus::signin
