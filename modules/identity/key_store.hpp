#pragma once
// Where keys that people make are kept.

#include <filesystem>
#include <memory>
#include <vector>

#include "lurus/identity.hpp"
#include "lurus/result.hpp"

namespace lurus::identity {

/// Not thread-safe: the owner serialises.
class KeyStore {
public:
    virtual ~KeyStore() = default;
    /// All that are not revoked, oldest first.
    virtual Result<std::vector<KeyInfo>> load() = 0;
    /// `conflict` when the name or the hash is taken.
    virtual Result<void> insert(const KeyInfo& key) = 0;
    /// Writes note, expiry, disabled, models, families and rules of the key with this id.
    virtual Result<void> update(const KeyInfo& key) = 0;
    virtual Result<void> revoke(const std::string& id, UnixMicros when) = 0;
};

Result<std::unique_ptr<KeyStore>> open_key_store_sqlite(const std::filesystem::path& file);

}  // namespace lurus::identity
