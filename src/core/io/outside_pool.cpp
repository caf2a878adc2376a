#include "core/io/outside_pool.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace lurus {
namespace {

constexpr int most_threads = 32;  // more calls than that wait for those before them, which all have a limit
constexpr auto idle_limit = std::chrono::seconds(5);

}  // namespace

struct OutsidePool::State {
    std::stop_source stop;
    std::mutex mutex;  // what follows
    std::condition_variable changed;
    std::deque<std::move_only_function<void()>> waiting;
    int threads = 0;
    int idle = 0;  // of the threads
};

OutsidePool::OutsidePool() : state_(std::make_shared<State>()) {}

OutsidePool::~OutsidePool() {
    stop();
    settle();
}

void OutsidePool::post(std::move_only_function<void()> work) {
    const std::scoped_lock lock(state_->mutex);
    state_->waiting.push_back(std::move(work));
    state_->changed.notify_all();
    if (static_cast<int>(state_->waiting.size()) <= state_->idle || state_->threads == most_threads) return;
    ++state_->threads;
    std::thread([state = state_] { run(state); }).detach();
}

OutsideLimit OutsidePool::within(std::chrono::milliseconds most) const {
    return {std::chrono::steady_clock::now() + most, state_->stop.get_token()};
}

void OutsidePool::stop() {
    state_->stop.request_stop();
    const std::scoped_lock lock(state_->mutex);
    state_->changed.notify_all();  // no thread stays idle
}

void OutsidePool::settle() {
    std::unique_lock lock(state_->mutex);
    state_->changed.wait(lock, [this] { return state_->waiting.empty() && state_->threads == state_->idle; });
}

int OutsidePool::threads() const {
    const std::scoped_lock lock(state_->mutex);
    return state_->threads;
}

void OutsidePool::run(const std::shared_ptr<State>& state) {
    std::unique_lock lock(state->mutex);
    for (;;) {
        ++state->idle;
        state->changed.notify_all();
        state->changed.wait_for(lock, idle_limit,
                                [&] { return !state->waiting.empty() || state->stop.stop_requested(); });
        --state->idle;
        if (state->waiting.empty()) break;
        auto work = std::move(state->waiting.front());
        state->waiting.pop_front();
        lock.unlock();
        work();
        work = nullptr;  // what it holds goes before it counts as done
        lock.lock();
    }
    --state->threads;
    state->changed.notify_all();
}

}  // namespace lurus
