#pragma once
// Moves the write-ahead log into the file beside the writer, so that no commit waits for the disk.

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <thread>

namespace lurus::log {

/// One thread with its own connection. Owned by the writer.
class Checkpointer {
public:
    explicit Checkpointer(std::filesystem::path file);
    ~Checkpointer();
    Checkpointer(const Checkpointer&) = delete;
    Checkpointer& operator=(const Checkpointer&) = delete;

    /// Any thread. True when it was idle and starts now.
    bool request();
    [[nodiscard]] bool idle();

private:
    void run();

    std::filesystem::path file_;
    std::mutex mutex_;
    std::condition_variable woken_;
    bool wanted_ = false, busy_ = false, stop_ = false;
    std::thread thread_;
};

}  // namespace lurus::log
