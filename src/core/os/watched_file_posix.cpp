#include <sys/stat.h>

#include "core/os/watched_file.hpp"

namespace lurus {

std::optional<FileIdentity> file_identity(const std::filesystem::path& file) {
    struct stat found{};
    if (::stat(file.c_str(), &found) != 0 || !S_ISREG(found.st_mode)) return std::nullopt;
    const auto ns = [](const timespec& time) { return time.tv_sec * 1'000'000'000 + time.tv_nsec; };
    return FileIdentity{found.st_dev, found.st_ino, static_cast<std::uint64_t>(found.st_size), ns(found.st_mtim),
                        ns(found.st_ctim)};
}

}  // namespace lurus
