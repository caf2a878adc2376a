#pragma once
// std::latch for tests: the C++ library's own loses a wake-up on Windows, where it has no futex.

#include <condition_variable>
#include <cstddef>
#include <mutex>

namespace lurus::test {

/// Any thread.
class Latch {
public:
    explicit Latch(std::ptrdiff_t count) : count_(count) {}
    void count_down() {
        const std::scoped_lock lock(mutex_);
        if (--count_ == 0) done_.notify_all();
    }
    void wait() {
        std::unique_lock lock(mutex_);
        done_.wait(lock, [this] { return count_ <= 0; });
    }
    void arrive_and_wait() {
        count_down();
        wait();
    }

private:
    std::mutex mutex_;
    std::condition_variable done_;
    std::ptrdiff_t count_;
};

}  // namespace lurus::test
