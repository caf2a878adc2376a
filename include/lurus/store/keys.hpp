#pragma once
// Port: keys that people make. Those of the configuration are not kept.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lurus/identity.hpp"
#include "lurus/result.hpp"
#include "lurus/store/change_feed.hpp"

namespace lurus {

namespace sql {
class Database;
}

/// Any thread; may block. `unavailable` when the database is away, `corrupt` when a row holds what no program of ours
/// wrote. When a key was used is no change of it: neither its version nor the feed tells.
class KeyStore {
public:
    virtual ~KeyStore() = default;
    /// All that are not revoked, oldest first.
    virtual Result<std::vector<KeyInfo>> load() = 0;
    /// Empty when there is none, or it is revoked.
    virtual Result<std::optional<KeyInfo>> find(std::string_view id) = 0;
    /// The key of this name and owner that was revoked last.
    virtual Result<std::optional<KeyInfo>> last_revoked(std::string_view org, std::string_view owner,
                                                        std::string_view name) = 0;
    /// As version 1. `conflict` when the name or the hash is taken.
    virtual Result<void> insert(const KeyInfo& key) = 0;
    /// Writes all of the key but name, organisation, time of creation and of last use. Its new version; `conflict` when
    /// `key.version` is not the one that is stored, or it was revoked.
    virtual Result<std::int64_t> update(const KeyInfo& key) = 0;
    /// Keys by id and when they were used last. An earlier time than the stored one is passed over.
    virtual Result<void> note_use(const std::vector<std::pair<std::string, UnixMicros>>& used) = 0;
    /// The ids among these that were not revoked before. `forget`: name, note and tags go too.
    virtual Result<std::vector<std::string>> revoke(const std::vector<std::string>& ids, UnixMicros when,
                                                    bool forget) = 0;
    /// Ids of keys; a revoked one is deleted.
    virtual ChangeFeed& changes() = 0;
};

/// `database` outlives it.
std::unique_ptr<KeyStore> make_key_store(sql::Database& database);

}  // namespace lurus
