#pragma once
// Library calls that know no deadline, such as getaddrinfo.

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "lurus/outside.hpp"

namespace lurus {

/// Runs `work` on a thread of its own and waits for it until the limit: nothing then, and the thread is left behind. So
/// `work` owns all that it uses, and returns some day. `shorten` (may be null) is called when the limit is over and may
/// make it return sooner; it is given a moment for that, so that hardly ever a thread is left.
template <class T>
std::optional<T> result_within(const OutsideLimit& limit, std::move_only_function<T()> work,
                               const std::function<void()>& shorten = nullptr) {
    struct Shared {
        std::mutex mutex;
        std::condition_variable_any changed;
        std::optional<T> result;
        bool done = false;
    };
    auto shared = std::make_shared<Shared>();
    std::thread([shared, work = std::move(work)]() mutable {
        T result = work();
        work = nullptr;
        const std::scoped_lock lock(shared->mutex);
        shared->result.emplace(std::move(result));
        shared->done = true;
        shared->changed.notify_all();
    }).detach();
    std::unique_lock lock(shared->mutex);
    const auto done = [&] { return shared->done; };
    if (shared->changed.wait_until(lock, limit.stop, limit.until, done)) return std::move(shared->result);
    if (!shorten) return std::nullopt;
    lock.unlock();
    shorten();
    lock.lock();
    shared->changed.wait_for(lock, std::chrono::milliseconds(500), done);
    return std::nullopt;
}

}  // namespace lurus
