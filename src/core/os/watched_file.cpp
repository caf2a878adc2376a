#include "core/os/watched_file.hpp"

#include <utility>

#include "core/crypto/sha256.hpp"
#include "core/os/files.hpp"

namespace lurus {
namespace {

constexpr int looks_until_away = 2;

// One that cannot be read is another one than any that can.
std::string digest_of(const Result<std::string>& text) {
    return text ? sha256_hex(*text) : "unreadable: " + text.error().message;
}

}  // namespace

bool is_stream(const std::filesystem::path& file) {
    std::error_code ignored;
    const auto status = std::filesystem::status(file, ignored);
    return std::filesystem::is_other(status);
}

WatchedFile::WatchedFile(std::filesystem::path file, std::uintmax_t max_bytes)
    : file_(std::move(file)), max_bytes_(max_bytes) {}

void WatchedFile::take_as_known() {
    looks_without_ = 0;
    // Asked before it is read: what is written meanwhile is seen by the next look.
    read_ = last_look_ = file_identity(file_);
    digest_ = read_ ? digest_of(read_file(file_, max_bytes_)) : std::string();
}

WatchedFile::Look WatchedFile::look() {
    const auto now = file_identity(file_);
    if (!now) {
        if (is_stream(file_)) return Look::same;
        last_look_.reset();
        if (looks_without_ >= looks_until_away) return Look::same;
        return ++looks_without_ == looks_until_away ? Look::away : Look::same;
    }
    const bool was_away = looks_without_ >= looks_until_away;
    if (!was_away) looks_without_ = 0;
    const bool settled = std::exchange(last_look_, now) == now;
    if ((now == read_ && !was_away) || !settled) return Look::same;
    return read(*now);
}

WatchedFile::Look WatchedFile::read(const FileIdentity& now) {
    auto text = read_file(file_, max_bytes_);
    if (file_identity(file_) != now) return Look::same;
    read_ = now;
    std::string digest = digest_of(text);
    const bool was_away = std::exchange(looks_without_, 0) >= looks_until_away;
    if (digest == digest_ && !was_away) return Look::same;
    digest_ = std::move(digest);
    text_ = std::move(text);
    return Look::changed;
}

bool WatchedFile::settling() const {
    return looks_without_ > 0 ? looks_without_ < looks_until_away : last_look_ != read_;
}

Result<std::string> WatchedFile::take_text() {
    return std::exchange(text_, std::string());
}

}  // namespace lurus
