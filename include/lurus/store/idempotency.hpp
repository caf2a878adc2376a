#pragma once
// Port: what a request with an Idempotency-Key was answered. Nobody keeps a copy of it, so it has no change feed.

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "lurus/clock.hpp"
#include "lurus/result.hpp"

namespace lurus {

/// What is known of one key of one caller.
struct BegunRequest {
    std::string request_hash;
    std::string answer;  // sealed; empty = its end is not known
};

/// Any thread; may block.
class IdempotencyStore {
public:
    virtual ~IdempotencyStore() = default;
    /// Keeps the key for this request and returns nothing, or returns what was begun with it at `oldest` or later. Of
    /// several at once, in any process, one gets the key. What was begun before `oldest` is forgotten.
    virtual Result<std::optional<BegunRequest>> reserve(std::string_view caller, std::string_view key_hash,
                                                        std::string_view request_hash, UnixMicros now,
                                                        UnixMicros oldest) = 0;
    virtual Result<void> finish(std::string_view caller, std::string_view key_hash, std::string_view answer) = 0;
    virtual Result<void> forget(std::string_view caller, std::string_view key_hash) = 0;
};

namespace sql {
class Database;
}
/// Over `database`, which outlives it.
std::unique_ptr<IdempotencyStore> make_idempotency_store(sql::Database& database);

}  // namespace lurus
