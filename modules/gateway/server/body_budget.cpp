#include "modules/gateway/server/body_budget.hpp"

#include <algorithm>
#include <new>

namespace lurus::gateway {

void BodyBudget::set_capacity(std::int64_t bytes) {
    capacity_.store(bytes, std::memory_order_relaxed);
    serve_line();
}

bool BodyBudget::try_take(std::int64_t bytes) {
    if (wanted()) return false;
    std::int64_t used = used_.load(std::memory_order_relaxed);
    do {
        if (used + bytes > capacity()) return false;
    } while (!used_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed));
    return true;
}

std::shared_ptr<BodyBudget::Waiter> BodyBudget::wait(std::int64_t bytes, std::function<void()> tell) {
    auto waiter = std::make_shared<Waiter>();
    waiter->bytes = bytes;
    waiter->tell = std::move(tell);
    {
        const std::scoped_lock lock(mutex_);
        line_.push_back(waiter);
        // With `serve_line` below: whoever gives room after this sees that somebody waits, and what was given before
        // is seen here.
        waiting_.fetch_add(1, std::memory_order_seq_cst);
    }
    serve_line();
    return waiter;
}

void BodyBudget::leave(const std::shared_ptr<Waiter>& waiter) {
    {
        const std::scoped_lock lock(mutex_);
        if (std::erase(line_, waiter) > 0) waiting_.fetch_sub(1, std::memory_order_seq_cst);
    }
    if (waiter->granted.load()) {
        give(waiter->bytes);
    } else {
        serve_line();  // those behind it may want less
    }
}

void BodyBudget::give(std::int64_t bytes) {
    used_.fetch_sub(bytes, std::memory_order_seq_cst);
    if (waiting_.load(std::memory_order_seq_cst) > 0) serve_line();
}

void BodyBudget::close() {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
    line_.clear();
    waiting_ = 0;
}

void BodyBudget::serve_line() {
    const std::scoped_lock lock(mutex_);
    while (!line_.empty() && !closed_) {
        const std::shared_ptr<Waiter> first = line_.front();
        std::int64_t used = used_.load(std::memory_order_seq_cst);
        do {
            if (used + first->bytes > capacity()) return;
        } while (!used_.compare_exchange_weak(used, used + first->bytes, std::memory_order_seq_cst));
        line_.pop_front();
        waiting_.fetch_sub(1, std::memory_order_seq_cst);
        first->granted.store(true);
        try {
            first->tell();
        } catch (const std::bad_alloc&) {
            // Who waits looks by itself, too.
        }
    }
}

}  // namespace lurus::gateway
