#pragma once
// Where keys that people make are kept.

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
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
    /// Writes all of the key with this id but name, organisation, time of creation and of last use.
    virtual Result<void> update(const KeyInfo& key) = 0;
    /// Keys by id and when they were used last.
    virtual Result<void> note_use(const std::vector<std::pair<std::string, UnixMicros>>& used) = 0;
    /// `forget`: name, note and tags go too.
    virtual Result<void> revoke(const std::string& id, UnixMicros when, bool forget) = 0;
};

Result<std::unique_ptr<KeyStore>> open_key_store_sqlite(const std::filesystem::path& file);

}  // namespace lurus::identity
