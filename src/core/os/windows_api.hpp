#pragma once
// What the sources for Windows share: handles, text in UTF-16, the system's words for an error. Only they include it.

#include <winsock2.h>
// after winsock2.h
#include <windows.h>
// after windows.h
#include <shellapi.h>

#include <memory>
#include <string>
#include <string_view>

#include "core/os/utf8_paths.hpp"

namespace lurus::windows {

/// The other way is `wide`, of utf8_paths.hpp.
std::string utf8(std::wstring_view text);

/// The system's own sentence for one of its errors, in English where it has that, without its full stop.
std::string text_of_error(DWORD code);
inline std::string last_error() {
    return text_of_error(::GetLastError());
}

/// Closed when it goes; null and INVALID_HANDLE_VALUE are none.
class Handle {
public:
    explicit Handle(HANDLE handle = nullptr) : handle_(handle == INVALID_HANDLE_VALUE ? nullptr : handle) {}
    Handle(Handle&& other) noexcept : handle_(other.handle_) { other.handle_ = nullptr; }
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;
    Handle& operator=(Handle&&) = delete;
    ~Handle() {
        if (handle_ != nullptr) ::CloseHandle(handle_);
    }
    [[nodiscard]] HANDLE get() const { return handle_; }
    [[nodiscard]] HANDLE* out() { return &handle_; }
    [[nodiscard]] bool valid() const { return handle_ != nullptr; }

private:
    HANDLE handle_;
};

/// For what the system has allocated by LocalAlloc.
struct LocalFreed {
    void operator()(void* memory) const { ::LocalFree(memory); }
};
template <class T>
using Local = std::unique_ptr<T, LocalFreed>;

inline constexpr DWORD share_all = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;

}  // namespace lurus::windows
