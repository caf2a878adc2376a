#pragma once
// How much of the process's memory requests' bodies may take together. Room is taken for a body before its bytes are
// read; where there is none, those who want some wait in line, and the first of the line is served first.

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

namespace lurus::gateway {

/// Any thread. Without anybody who waits, taking and giving are one atomic operation each.
class BodyBudget {
public:
    /// Who waits for room. `granted` is set before `tell` is called, on whatever thread gave the room. Whoever waits
    /// looks at it from time to time besides: without memory nobody can be told.
    struct Waiter {
        std::int64_t bytes = 0;
        std::function<void()> tell;
        std::atomic<bool> granted = false;
    };

    explicit BodyBudget(std::int64_t capacity) : capacity_(capacity) {}

    [[nodiscard]] std::int64_t capacity() const { return capacity_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::int64_t used() const { return used_.load(std::memory_order_relaxed); }
    /// Somebody waits for room.
    [[nodiscard]] bool wanted() const { return waiting_.load(std::memory_order_acquire) > 0; }
    /// What is taken stays taken.
    void set_capacity(std::int64_t bytes);

    /// False: there is no room, or others have waited longer for it.
    bool try_take(std::int64_t bytes);
    /// Gets in line. What is granted has been taken.
    std::shared_ptr<Waiter> wait(std::int64_t bytes, std::function<void()> tell);
    /// Leaves the line, and gives back what was granted meanwhile.
    void leave(const std::shared_ptr<Waiter>& waiter);
    void give(std::int64_t bytes);
    /// Nobody is told any more.
    void close();

private:
    void serve_line();

    std::atomic<std::int64_t> capacity_;
    std::atomic<std::int64_t> used_ = 0;
    std::atomic<int> waiting_ = 0;
    std::mutex mutex_;
    std::deque<std::shared_ptr<Waiter>> line_;
    bool closed_ = false;
};

/// What one request has taken. Gives it back when it ends.
class BodyRoom {
public:
    BodyRoom() = default;
    ~BodyRoom() { release(); }
    BodyRoom(const BodyRoom&) = delete;
    BodyRoom& operator=(const BodyRoom&) = delete;

    [[nodiscard]] std::int64_t bytes() const { return bytes_; }
    /// These bytes of the budget are this request's now.
    void own(BodyBudget& budget, std::int64_t bytes) {
        budget_ = &budget;
        bytes_ += bytes;
    }
    void give_back(std::int64_t bytes) {
        bytes_ -= bytes;
        budget_->give(bytes);
    }
    void release() {
        if (bytes_ > 0) budget_->give(std::exchange(bytes_, 0));
    }

private:
    BodyBudget* budget_ = nullptr;
    std::int64_t bytes_ = 0;
};

}  // namespace lurus::gateway
