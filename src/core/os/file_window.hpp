#pragma once
// A file that is written over from front to back again and again, as SQLite does with its WAL. A write of less than a
// page goes onto what the page holds; where the system has pushed that out of memory, it reads it from the disk while
// the writer waits. So what lies ahead is asked for in time.

#include <cstdint>
#include <filesystem>

namespace lurus {

/// Of one thread at a time. Best effort: without it writes are slower, not wrong.
class FileWindow {
public:
    explicit FileWindow(std::filesystem::path file);
    ~FileWindow();
    FileWindow(const FileWindow&) = delete;
    FileWindow& operator=(const FileWindow&) = delete;

    /// The next write goes to `offset` (bytes). Asks for half a megabyte when less than half of that was asked for
    /// beyond it; returns without waiting.
    void next_write(std::int64_t offset);

private:
    std::filesystem::path file_;
    int descriptor_ = -1;
    std::int64_t offset_ = 0;
    std::int64_t asked_to_ = 0;
};

}  // namespace lurus
