#include <utility>

#include "core/os/file_window.hpp"

namespace lurus {

// What would bring pages into memory here is a mapping of the file, and while there is one SQLite cannot cut its WAL.
FileWindow::FileWindow(std::filesystem::path file) : file_(std::move(file)) {}
FileWindow::~FileWindow() = default;
void FileWindow::next_write(std::int64_t) {}

}  // namespace lurus
