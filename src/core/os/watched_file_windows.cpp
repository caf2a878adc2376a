#include "core/os/watched_file.hpp"
#include "core/os/windows_api.hpp"

namespace lurus {

std::optional<FileIdentity> file_identity(const std::filesystem::path& file) {
    const windows::Handle open(::CreateFileW(file.c_str(), FILE_READ_ATTRIBUTES, windows::share_all, nullptr,
                                             OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, nullptr));
    BY_HANDLE_FILE_INFORMATION found{};
    FILE_BASIC_INFO times{};
    if (!open.valid() || ::GetFileType(open.get()) != FILE_TYPE_DISK ||
        ::GetFileInformationByHandle(open.get(), &found) == 0 ||
        ::GetFileInformationByHandleEx(open.get(), FileBasicInfo, &times, sizeof times) == 0)
        return std::nullopt;
    const auto both = [](DWORD high, DWORD low) { return std::uint64_t{high} << 32 | low; };
    const auto ns = [](const LARGE_INTEGER& ticks) {
        constexpr std::int64_t epoch = 116'444'736'000'000'000;  // 1970 in their count since 1601
        return (ticks.QuadPart - epoch) * 100;
    };
    return FileIdentity{found.dwVolumeSerialNumber, both(found.nFileIndexHigh, found.nFileIndexLow),
                        both(found.nFileSizeHigh, found.nFileSizeLow), ns(times.LastWriteTime), ns(times.ChangeTime)};
}

}  // namespace lurus
