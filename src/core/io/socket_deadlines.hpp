#pragma once
// Ends waits for a peer that is connected and says nothing, in a library whose reads have no time limit of their own:
// the socket is shut down under it, which makes the read fail.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <thread>

#include "core/io/open_socket.hpp"

namespace lurus {

/// Any thread. Has one thread of its own, from the first deadline on.
class SocketDeadlines {
public:
    SocketDeadlines() = default;
    ~SocketDeadlines();
    SocketDeadlines(const SocketDeadlines&) = delete;
    SocketDeadlines& operator=(const SocketDeadlines&) = delete;

    /// While it lives, `socket` has this long from now; then it is shut.
    class Within {
    public:
        Within(SocketDeadlines& deadlines, OpenSocket& socket, std::chrono::milliseconds time);
        ~Within();
        Within(const Within&) = delete;
        Within& operator=(const Within&) = delete;

    private:
        SocketDeadlines& deadlines_;
        const std::uint64_t number_;
    };

private:
    struct Entry {
        std::chrono::steady_clock::time_point until;
        OpenSocket* socket = nullptr;
    };
    std::uint64_t add(Entry entry);
    void remove(std::uint64_t number);
    void run();

    std::mutex mutex_;  // guards what follows
    std::condition_variable changed_;
    std::map<std::uint64_t, Entry> entries_;
    std::uint64_t last_ = 0;
    bool ending_ = false;
    std::thread thread_;
};

}  // namespace lurus
