#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>

#include "core/os/access_list.hpp"
#include "core/os/open_to_read.hpp"
#include "core/os/platform.hpp"

namespace lurus::platform {
namespace {

namespace fs = std::filesystem;
using windows::Handle;
using windows::last_error;

fs::path folder_of(const fs::path& file) {
    return file.has_parent_path() ? file.parent_path() : fs::path(".");
}

std::error_code windows_error(DWORD code) {
    return {static_cast<int>(code), std::system_category()};
}

Result<void> write_through(HANDLE to, const fs::path& file, std::string_view bytes, Synced synced) {
    while (!bytes.empty()) {
        constexpr std::size_t most = 1 << 30;
        DWORD written = 0;
        if (::WriteFile(to, bytes.data(), static_cast<DWORD>(std::min(bytes.size(), most)), &written, nullptr) == 0)
            return fail(ErrorCode::unavailable, "cannot write " + file.string() + ": " + last_error());
        bytes.remove_prefix(written);
    }
    if (synced == Synced::yes && ::FlushFileBuffers(to) == 0)
        return fail(ErrorCode::unavailable, "cannot sync " + file.string() + ": " + last_error());
    return {};
}

// Beyond what anybody writes to it: who reads a locked byte fails here.
OVERLAPPED locked_byte() {
    OVERLAPPED at{};
    at.OffsetHigh = 0x4000'0000;
    return at;
}

bool try_lock(HANDLE file, DWORD exclusive) {
    OVERLAPPED at = locked_byte();
    return ::LockFileEx(file, LOCKFILE_FAIL_IMMEDIATELY | exclusive, 0, 1, 0, &at) != 0;
}

class WindowsLock final : public FileLock {
public:
    explicit WindowsLock(Handle file) : file_(std::move(file)) {}

private:
    Handle file_;
};

}  // namespace

Result<void> write_new_private_file(const fs::path& file, std::string_view bytes, Synced synced) {
    const auto access = windows::private_access(folder_of(file), windows::AccessOf::file);
    if (!access) return fail(ErrorCode::unavailable, "cannot make " + file.string() + " private: " + last_error());
    SECURITY_ATTRIBUTES security{sizeof security, access.get(), FALSE};
    const Handle made(::CreateFileW(file.c_str(), GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_DELETE, &security,
                                    CREATE_NEW, FILE_ATTRIBUTE_NORMAL, nullptr));
    if (!made.valid()) {
        const DWORD code = ::GetLastError();
        const bool there = code == ERROR_FILE_EXISTS || code == ERROR_ALREADY_EXISTS;
        return fail(there ? ErrorCode::conflict : ErrorCode::unavailable,
                    "cannot make " + file.string() + ": " + windows::text_of_error(code));
    }
    return write_through(made.get(), file, bytes, synced);
}

Result<void> append_synced(const fs::path& file, std::string_view bytes) {
    // Flushing takes the right to write, not only to append.
    const Handle open(::CreateFileW(file.c_str(), GENERIC_WRITE, windows::share_all, nullptr, OPEN_EXISTING,
                                    FILE_FLAG_OPEN_REPARSE_POINT, nullptr));
    if (!open.valid() || ::SetFilePointerEx(open.get(), {}, nullptr, FILE_END) == 0)
        return fail(ErrorCode::unavailable, "cannot open " + file.string() + ": " + last_error());
    return write_through(open.get(), file, bytes, Synced::yes);
}

// NTFS and ReFS keep a journal of names, and `rename_over` waits until its change is on the disk; a folder's handle
// cannot be flushed without rights that only administrators have.
void sync_dir(const fs::path&) {}

std::error_code make_private_folder(const fs::path& dir) {
    const auto access = windows::private_access(folder_of(dir), windows::AccessOf::folder);
    if (!access) return windows_error(::GetLastError());
    SECURITY_ATTRIBUTES security{sizeof security, access.get(), FALSE};
    return ::CreateDirectoryW(dir.c_str(), &security) != 0 ? std::error_code() : windows_error(::GetLastError());
}

std::error_code make_private(const fs::path& file) {
    const auto access = windows::private_access(folder_of(file), windows::AccessOf::file);
    if (!access) return windows_error(::GetLastError());
    const DWORD code = windows::give_access(file, access.get());
    return code == ERROR_SUCCESS ? std::error_code() : windows_error(code);
}

std::string private_hint(const fs::path& file) {
    std::string hint = "icacls \"" + file.string() + "\" /inheritance:r /grant:r";
    auto who = windows::trusted_accounts(folder_of(file));
    who.push_back(windows::own_account());
    for (const auto& sid : who) hint += " \"*" + sid.text() + ":F\"";
    return hint + " *S-1-5-18:F *S-1-5-32-544:F";
}

std::error_code rename_over(const fs::path& from, const fs::path& to) {
    // Virus scanners, backups and readers that share nothing hold a file for moments.
    constexpr auto pause = std::chrono::milliseconds(20);
    constexpr int tries = 100;
    for (int i = 0;; ++i) {
        if (::MoveFileExW(from.c_str(), to.c_str(), MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH) != 0) return {};
        const DWORD code = ::GetLastError();
        const bool busy =
            code == ERROR_SHARING_VIOLATION || code == ERROR_ACCESS_DENIED || code == ERROR_LOCK_VIOLATION;
        if (!busy || i == tries) return windows_error(code);
        std::this_thread::sleep_for(pause);
    }
}

std::ifstream open_to_read(const fs::path& file) {
    constexpr auto pause = std::chrono::milliseconds(20);
    constexpr int tries = 25;
    for (int i = 0;; ++i) {
        errno = 0;
        std::ifstream in(file, std::ios::binary);
        if (in || errno != EACCES || i == tries) return in;
        std::this_thread::sleep_for(pause);
    }
}

bool may_write(const fs::path& file) {
    const DWORD attributes = ::GetFileAttributesW(file.c_str());
    if (attributes == INVALID_FILE_ATTRIBUTES) return false;
    const bool folder = (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
    // On folders the read-only attribute forbids nothing.
    if (!folder && (attributes & FILE_ATTRIBUTE_READONLY) != 0) return false;
    const DWORD wanted = folder ? FILE_ADD_FILE : FILE_WRITE_DATA | FILE_APPEND_DATA;
    const Handle open(::CreateFileW(file.c_str(), wanted, windows::share_all, nullptr, OPEN_EXISTING,
                                    folder ? FILE_FLAG_BACKUP_SEMANTICS : FILE_ATTRIBUTE_NORMAL, nullptr));
    return open.valid() || ::GetLastError() == ERROR_SHARING_VIOLATION;
}

bool readable_by_others(const fs::path& file) {
    return windows::others_may_read(file);
}

Result<std::unique_ptr<FileLock>> FileLock::exclusive(const fs::path& file) {
    const auto access = windows::private_access(folder_of(file), windows::AccessOf::file);
    if (!access) return fail(ErrorCode::unavailable, "cannot make " + file.string() + " private: " + last_error());
    SECURITY_ATTRIBUTES security{sizeof security, access.get(), FALSE};
    Handle open(::CreateFileW(file.c_str(), GENERIC_READ | GENERIC_WRITE, windows::share_all, &security, OPEN_ALWAYS,
                              FILE_ATTRIBUTE_NORMAL, nullptr));
    if (!open.valid()) return fail(ErrorCode::unavailable, "cannot open " + file.string() + ": " + last_error());
    if (try_lock(open.get(), LOCKFILE_EXCLUSIVE_LOCK)) return std::make_unique<WindowsLock>(std::move(open));
    const DWORD code = ::GetLastError();
    const bool held = code == ERROR_LOCK_VIOLATION || code == ERROR_IO_PENDING;
    return fail(held ? ErrorCode::conflict : ErrorCode::unavailable,
                "cannot lock " + file.string() + ": " + windows::text_of_error(code));
}

bool FileLock::held(const fs::path& file) {
    const Handle open(::CreateFileW(file.c_str(), GENERIC_READ, windows::share_all, nullptr, OPEN_EXISTING,
                                    FILE_ATTRIBUTE_NORMAL, nullptr));
    return open.valid() && !try_lock(open.get(), 0) && ::GetLastError() == ERROR_LOCK_VIOLATION;
}

}  // namespace lurus::platform
