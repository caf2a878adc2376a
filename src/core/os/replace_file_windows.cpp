#include "core/os/replace_file.hpp"

#include <algorithm>
#include <chrono>
#include <system_error>
#include <thread>

#include "core/os/files.hpp"
#include "core/os/platform.hpp"
#include "core/os/windows_api.hpp"

namespace lurus::platform {
namespace {

namespace fs = std::filesystem;
using windows::Handle;

DWORD links_of(const fs::path& file) {
    const Handle open(::CreateFileW(file.c_str(), FILE_READ_ATTRIBUTES, windows::share_all, nullptr, OPEN_EXISTING,
                                    FILE_FLAG_OPEN_REPARSE_POINT, nullptr));
    BY_HANDLE_FILE_INFORMATION info{};
    return open.valid() && ::GetFileInformationByHandle(open.get(), &info) != 0 ? info.nNumberOfLinks : 1;
}

// The old file's access list, attributes, streams and time of making go over to the new one.
bool put_in_place(const fs::path& fresh, const fs::path& file) {
    constexpr auto pause = std::chrono::milliseconds(20);
    for (int tries = 0; tries < 100; ++tries) {
        if (::ReplaceFileW(file.c_str(), fresh.c_str(), nullptr, 0, nullptr, nullptr) != 0) return true;
        switch (::GetLastError()) {
            case ERROR_SHARING_VIOLATION:
            case ERROR_LOCK_VIOLATION:
            case ERROR_UNABLE_TO_REMOVE_REPLACED: std::this_thread::sleep_for(pause); break;
            // Of the two only the new one is left, under the name that it was made with.
            case ERROR_UNABLE_TO_MOVE_REPLACEMENT_2: return !rename_over(fresh, file);
            default: return false;
        }
    }
    return false;
}

}  // namespace

Result<Replaced> replace_by_rename(const fs::path& file, std::string_view bytes) {
    const DWORD attributes = ::GetFileAttributesW(file.c_str());
    const bool exists = attributes != INVALID_FILE_ATTRIBUTES;
    if (exists && links_of(file) > 1) return Replaced::not_alike;
    auto suffix = random_hex(6);
    if (!suffix) return std::unexpected(suffix.error());
    fs::path fresh = file;
    fresh += ".lurus-" + *suffix;
    std::error_code ec;
    if (auto written = write_new_private_file(fresh, bytes); !written) {
        const bool made = fs::exists(fresh, ec);
        fs::remove(fresh, ec);
        if (made || !exists) return std::unexpected(written.error());
        return Replaced::not_alike;  // a folder that may not be written
    }
    std::error_code error;
    if (exists) {
        if (put_in_place(fresh, file)) return Replaced::yes;
    } else if (error = rename_over(fresh, file); !error) {
        return Replaced::yes;
    }
    fs::remove(fresh, ec);
    if (exists) return Replaced::not_alike;
    return fail(ErrorCode::unavailable,
                file.string() + ": cannot be made: " + windows::text_of_error(static_cast<DWORD>(error.value())));
}

OverwrittenFile::OverwrittenFile(const fs::path& file) {
    const HANDLE open = ::CreateFileW(file.c_str(), GENERIC_WRITE, windows::share_all, nullptr, OPEN_EXISTING,
                                      FILE_FLAG_OPEN_REPARSE_POINT, nullptr);
    if (open == INVALID_HANDLE_VALUE)
        problem_ = windows::last_error();
    else
        open_ = reinterpret_cast<std::intptr_t>(open);
}

OverwrittenFile::~OverwrittenFile() {
    if (valid()) ::CloseHandle(reinterpret_cast<HANDLE>(open_));
}

bool OverwrittenFile::write(std::string_view bytes) {
    const auto file = reinterpret_cast<HANDLE>(open_);
    bool good = ::SetFilePointerEx(file, {}, nullptr, FILE_BEGIN) != 0;
    while (good && !bytes.empty()) {
        constexpr std::size_t most = 1 << 30;
        DWORD written = 0;
        good =
            ::WriteFile(file, bytes.data(), static_cast<DWORD>(std::min(bytes.size(), most)), &written, nullptr) != 0;
        bytes.remove_prefix(written);
    }
    if (good && ::SetEndOfFile(file) != 0 && ::FlushFileBuffers(file) != 0) return true;
    problem_ = windows::last_error();
    return false;
}

}  // namespace lurus::platform
