#pragma once
// Port: options that were changed while the server ran; they win over the configuration.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lurus/clock.hpp"
#include "lurus/result.hpp"
#include "lurus/store/change_feed.hpp"

namespace lurus {

struct StoredFlag {
    std::string name;          // as in the configuration: `log.bodies`
    std::string value;         // JSON, which the store does not look into
    std::int64_t version = 0;  // of the row
};

/// Any thread; may block. `version` is that of the row which is changed, 0 where there must be none yet; `conflict`
/// when it is another one by now.
class FlagStore {
public:
    virtual ~FlagStore() = default;
    virtual Result<std::vector<StoredFlag>> all() = 0;
    /// The row's new version.
    virtual Result<std::int64_t> set(const StoredFlag& flag, UnixMicros now) = 0;
    virtual Result<void> unset(std::string_view name, std::int64_t version) = 0;
    virtual ChangeFeed& changes() = 0;
};

namespace sql {
class Database;
}
/// Over `database`, which outlives it.
std::unique_ptr<FlagStore> make_flag_store(sql::Database& database);

}  // namespace lurus
