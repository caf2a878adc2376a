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

/// Any thread. Keys rest sealed under the master key. Another process that rotates is noticed when a token names a key
/// that is not known here.
class KeyRing {
public:
    static constexpr std::int64_t rotate_after = 30ll * 86'400'000'000;  // microseconds
    /// How long a retired key verifies: longer than any token lives.
    static constexpr std::int64_t verifies_for = 86'400'000'000;

    KeyRing(CredentialStore& store, SecretBox box, const Clock& clock)
        : store_(store), box_(std::move(box)), clock_(clock) {}

    /// Signs with the newest key; makes one when there is none, or it is older than `rotate_after`.
    Result<std::string> sign(std::string_view type, std::string_view payload);
    /// The payload of a token of this type that one of the keys signed; else `unauthenticated`.
    Result<std::string> verify(std::string_view type, std::string_view token);
    Result<void> rotate();
    /// The public keys, RFC 7517.
    Result<std::string> jwks();

private:
    struct Entry {
        Jwk key;
        UnixMicros created = 0;
        std::optional<UnixMicros> retired;
    };
    Result<void> load();
    Result<void> make();
    Result<void> ready();

    CredentialStore& store_;
    const SecretBox box_;
    const Clock& clock_;
    std::mutex mutex_;         // what follows; also cjose's keys, which promise nothing to threads
    std::vector<Entry> keys_;  // newest first
    UnixMicros looked_ = 0;    // when an unknown key last made us read the store
};

}  // namespace lurus::signin
