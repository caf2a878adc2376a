#include "core/os/file_window.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace lurus {

namespace {
constexpr std::int64_t step = 512 * 1024;
}

FileWindow::FileWindow(std::filesystem::path file) : file_(std::move(file)) {}

FileWindow::~FileWindow() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

void FileWindow::next_write(std::int64_t offset) {
    if (offset < offset_) asked_to_ = 0;  // from the front again
    offset_ = offset;
    if (asked_to_ >= offset + step / 2) return;
    // SQLite holds no lock on a WAL, so closing this descriptor releases none.
    if (descriptor_ < 0) descriptor_ = ::open(file_.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor_ < 0) return;
    const std::int64_t from = std::max(offset, asked_to_);
    ::posix_fadvise(descriptor_, from, step, POSIX_FADV_WILLNEED);
    asked_to_ = from + step;
}

}  // namespace lurus
