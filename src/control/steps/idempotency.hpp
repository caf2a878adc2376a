#pragma once
// A change that is sent again with the same Idempotency-Key is answered again, and done once.

#include <condition_variable>
#include <functional>
#include <mutex>
#include <set>
#include <string>

#include "core/crypto/secret_box.hpp"
#include "core/os/settled_time.hpp"
#include "lurus/api.hpp"
#include "lurus/clock.hpp"
#include "lurus/store/idempotency.hpp"

namespace lurus::control {

/// Any thread.
class Idempotency {
public:
    /// `store` outlives it.
    Idempotency(IdempotencyStore& store, SecretBox box, const Clock& clock)
        : store_(store), box_(std::move(box)), clock_(clock), settled_(clock) {}

    /// Runs `work` unless it ran for this caller, key and request. One that runs here right now is waited for. The same
    /// key with another request is 422; one whose end is not known (its server was killed, or another one is at it) is
    /// 409.
    ApiResponse run(const ApiRequest& request, const std::string& key, const std::function<ApiResponse()>& work);

private:
    ApiResponse run_alone(const ApiRequest& request, const std::string& caller, const std::string& key_hash,
                          const std::function<ApiResponse()>& work);

    IdempotencyStore& store_;
    const SecretBox box_;
    const Clock& clock_;
    SettledTime settled_;
    std::mutex mutex_;  // guards running_
    std::set<std::string> running_;
    std::condition_variable ended_;
};

}  // namespace lurus::control
