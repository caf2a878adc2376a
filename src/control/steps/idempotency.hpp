#pragma once
// A POST that is sent again with the same Idempotency-Key is answered again, and done once.

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "core/crypto/secret_box.hpp"
#include "lurus/api.hpp"
#include "lurus/clock.hpp"
#include "lurus/result.hpp"

namespace lurus::app {

/// What is known of one key of one caller.
struct BegunRequest {
    std::string request_hash;
    std::string answer;  // sealed; empty = its end is not known
};

/// One thread at a time.
class IdempotencyStore {
public:
    virtual ~IdempotencyStore() = default;
    /// Begun at `oldest` or later.
    virtual Result<std::optional<BegunRequest>> find(const std::string& caller, const std::string& key_hash,
                                                     UnixMicros oldest) = 0;
    /// Also forgets what was begun before `oldest`.
    virtual Result<void> begin(const std::string& caller, const std::string& key_hash, const std::string& request_hash,
                               UnixMicros now, UnixMicros oldest) = 0;
    virtual Result<void> finish(const std::string& caller, const std::string& key_hash, const std::string& answer) = 0;
    virtual Result<void> forget(const std::string& caller, const std::string& key_hash) = 0;
};

Result<std::unique_ptr<IdempotencyStore>> open_idempotency_sqlite(const std::filesystem::path& file);

/// Any thread.
class Idempotency {
public:
    Idempotency(std::unique_ptr<IdempotencyStore> store, SecretBox box, const Clock& clock)
        : store_(std::move(store)), box_(std::move(box)), clock_(clock) {}

    /// Runs `work` unless it ran for this caller, key and request. One that runs right now is waited for. The same key
    /// with another request is 422; one whose end is not known (the server was killed) is 409.
    ApiResponse run(const ApiRequest& request, const std::string& key, const std::function<ApiResponse()>& work);

private:
    ApiResponse run_alone(const ApiRequest& request, const std::string& caller, const std::string& key_hash,
                          const std::function<ApiResponse()>& work);

    std::unique_ptr<IdempotencyStore> store_;
    const SecretBox box_;
    const Clock& clock_;
    std::mutex mutex_;  // guards store_ and running_
    std::set<std::string> running_;
    std::condition_variable ended_;
};

}  // namespace lurus::app
