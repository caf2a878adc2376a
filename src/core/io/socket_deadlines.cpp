#include "core/io/socket_deadlines.hpp"

#include <algorithm>

namespace lurus {

SocketDeadlines::~SocketDeadlines() {
    {
        const std::scoped_lock lock(mutex_);
        ending_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
}

std::uint64_t SocketDeadlines::add(Entry entry) {
    const std::scoped_lock lock(mutex_);
    if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
    const auto first =
        std::ranges::min_element(entries_, {}, [](const auto& numbered) { return numbered.second.until; });
    const bool sooner = first == entries_.end() || entry.until < first->second.until;
    entries_.emplace(++last_, entry);
    if (sooner) changed_.notify_all();
    return last_;
}

void SocketDeadlines::remove(std::uint64_t number) {
    const std::scoped_lock lock(mutex_);
    entries_.erase(number);
}

void SocketDeadlines::run() {
    std::unique_lock lock(mutex_);
    while (!ending_) {
        const auto now = std::chrono::steady_clock::now();
        auto next = now + std::chrono::hours(1);
        std::erase_if(entries_, [&](const auto& numbered) {
            if (numbered.second.until > now) {
                next = std::min(next, numbered.second.until);
                return false;
            }
            // Under the lock: the socket's owner waits in `remove` until this is done.
            numbered.second.socket->shut();
            return true;
        });
        changed_.wait_until(lock, next);
    }
}

SocketDeadlines::Within::Within(SocketDeadlines& deadlines, OpenSocket& socket, std::chrono::milliseconds time)
    : deadlines_(deadlines), number_(deadlines.add({std::chrono::steady_clock::now() + time, &socket})) {}

SocketDeadlines::Within::~Within() {
    deadlines_.remove(number_);
}

}  // namespace lurus
