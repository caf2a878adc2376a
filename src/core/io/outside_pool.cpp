#include "core/io/outside_pool.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <thread>

namespace lurus {
namespace {

constexpr auto idle_limit = std::chrono::seconds(5);

}  // namespace

struct OutsidePool::State {
    struct Lane {
        std::deque<std::move_only_function<void()>> waiting;
        int running = 0;
        int most = 0;
        /// Of those that wait, how many may run now.
        [[nodiscard]] int ready() const { return std::min(static_cast<int>(waiting.size()), most - running); }
    };
    /// The mutex is held.
    [[nodiscard]] int ready() const {
        int sum = 0;
        for (const auto& [name, lane] : lanes) sum += std::max(0, lane.ready());
        return sum;
    }

    std::stop_source stop;
    std::mutex mutex;  // what follows
    std::condition_variable changed;
    std::map<std::string, Lane> lanes;  // those with something to do
    int threads = 0;
    int running = 0;  // works; the other threads are idle, or about to begin
};

OutsidePool::OutsidePool() : state_(std::make_shared<State>()) {}

OutsidePool::~OutsidePool() {
    stop();
    settle();
}

void OutsidePool::post(const OutsideLane& lane, std::move_only_function<void()> work) {
    const std::scoped_lock lock(state_->mutex);
    auto& own = state_->lanes[lane.name];
    own.most = std::max(1, lane.most);
    own.waiting.push_back(std::move(work));
    state_->changed.notify_all();
    if (state_->ready() <= state_->threads - state_->running) return;
    std::thread([state = state_] { run(state); }).detach();
    ++state_->threads;
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
    state_->changed.wait(lock, [this] { return state_->lanes.empty(); });
}

int OutsidePool::threads() const {
    const std::scoped_lock lock(state_->mutex);
    return state_->threads;
}

void OutsidePool::run(const std::shared_ptr<State>& state) {
    std::unique_lock lock(state->mutex);
    for (;;) {
        state->changed.wait_for(lock, idle_limit, [&] { return state->ready() > 0 || state->stop.stop_requested(); });
        const auto next = std::ranges::find_if(state->lanes, [](const auto& each) { return each.second.ready() > 0; });
        if (next == state->lanes.end()) break;
        State::Lane& lane = next->second;
        auto work = std::move(lane.waiting.front());
        lane.waiting.pop_front();
        ++lane.running;
        ++state->running;
        lock.unlock();
        work();
        work = nullptr;  // what it holds goes before it counts as done
        lock.lock();
        --state->running;
        if (--lane.running == 0 && lane.waiting.empty()) state->lanes.erase(next);
        state->changed.notify_all();
    }
    --state->threads;
    state->changed.notify_all();
}

}  // namespace lurus
