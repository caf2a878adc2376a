#include <sys/statvfs.h>
#include <unistd.h>

#include "core/os/disk_room.hpp"

namespace lurus {

std::optional<std::uint64_t> room_in(const std::filesystem::path& dir) {
    struct statvfs info{};
    if (::statvfs(dir.c_str(), &info) != 0) return std::nullopt;
    // What is kept back is for the administrator.
    const std::uint64_t blocks = ::geteuid() == 0 ? info.f_bfree : info.f_bavail;
    return blocks * std::uint64_t{info.f_frsize};
}

}  // namespace lurus
