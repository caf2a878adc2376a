#include "core/os/disk_room.hpp"
#include "core/os/windows_api.hpp"

namespace lurus {

std::optional<std::uint64_t> room_in(const std::filesystem::path& dir) {
    ULARGE_INTEGER room{};
    if (::GetDiskFreeSpaceExW(dir.c_str(), &room, nullptr, nullptr) == 0) return std::nullopt;
    return room.QuadPart;
}

}  // namespace lurus
