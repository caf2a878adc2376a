#include "core/os/replace_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <system_error>
#include <vector>

#include "core/os/files.hpp"
#include "core/os/platform.hpp"

namespace lurus::platform {
namespace {

namespace fs = std::filesystem;

constexpr const char* access_list = "system.posix_acl_access";

class OpenFile {
public:
    OpenFile(const fs::path& file, int flags) : fd_(::open(file.c_str(), flags | O_NOFOLLOW | O_CLOEXEC)) {}
    ~OpenFile() {
        if (fd_ >= 0) ::close(fd_);
    }
    OpenFile(const OpenFile&) = delete;
    OpenFile& operator=(const OpenFile&) = delete;
    [[nodiscard]] int get() const { return fd_; }
    [[nodiscard]] bool valid() const { return fd_ >= 0; }

private:
    int fd_;
};

std::vector<std::string> attributes_of(int fd) {
    std::string names(65536, '\0');  // the most that Linux gives
    const auto size = ::flistxattr(fd, names.data(), names.size());
    std::vector<std::string> out;
    for (std::size_t at = 0; size > 0 && at < static_cast<std::size_t>(size);) {
        out.emplace_back(names.c_str() + at);
        at += out.back().size() + 1;
    }
    return out;
}

// Those of the system's security modules and of administrators are theirs to give; without the others it is not the
// same file.
bool copy_attributes(int from, int to) {
    const auto names = attributes_of(from);
    for (const auto& name : names) {
        std::string value(65536, '\0');
        const auto size = ::fgetxattr(from, name.c_str(), value.data(), value.size());
        const bool done =
            size >= 0 && ::fsetxattr(to, name.c_str(), value.data(), static_cast<std::size_t>(size), 0) == 0;
        if (!done && (name.starts_with("user.") || name == access_list)) return false;
    }
    // The folder may have given the new file a list that the old one has not.
    if (std::ranges::find(names, access_list) == names.end()) ::fremovexattr(to, access_list);
    return true;
}

bool make_alike(int to, int from) {
    struct stat wanted{};
    struct stat now{};
    if (::fstat(from, &wanted) != 0 || ::fstat(to, &now) != 0) return false;
    const bool same_owner = now.st_uid == wanted.st_uid && now.st_gid == wanted.st_gid;
    if (!same_owner && ::fchown(to, wanted.st_uid, wanted.st_gid) != 0) return false;
    return copy_attributes(from, to) && ::fchmod(to, wanted.st_mode & 07777) == 0;
}

}  // namespace

Result<Replaced> replace_by_rename(const fs::path& file, std::string_view bytes) {
    const OpenFile old(file, O_RDONLY);
    struct stat info{};
    const bool exists = old.valid() && ::fstat(old.get(), &info) == 0;
    if (exists && info.st_nlink > 1) return Replaced::not_alike;
    if (!exists && errno != ENOENT) return Replaced::not_alike;
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
    bool alike = true;
    if (exists) {
        const OpenFile now(fresh, O_WRONLY);
        alike = now.valid() && make_alike(now.get(), old.get()) && ::fsync(now.get()) == 0;
    }
    if (alike && ::rename(fresh.c_str(), file.c_str()) == 0) {
        sync_dir(file.parent_path());
        return Replaced::yes;
    }
    const std::string why = std::strerror(errno);
    fs::remove(fresh, ec);
    if (exists) return Replaced::not_alike;  // also a file that is a mount by itself
    return fail(ErrorCode::unavailable, file.string() + ": cannot be made: " + why);
}

OverwrittenFile::OverwrittenFile(const fs::path& file)
    : open_(::open(file.c_str(), O_WRONLY | O_NOFOLLOW | O_CLOEXEC)) {
    if (open_ < 0) problem_ = std::strerror(errno);
}

OverwrittenFile::~OverwrittenFile() {
    if (open_ >= 0) ::close(static_cast<int>(open_));
}

bool OverwrittenFile::write(std::string_view bytes) {
    const int fd = static_cast<int>(open_);
    std::size_t done = 0;
    while (done < bytes.size()) {
        const auto n = ::pwrite(fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(done));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        done += static_cast<std::size_t>(n);
    }
    if (done == bytes.size() && ::ftruncate(fd, static_cast<off_t>(bytes.size())) == 0 && ::fsync(fd) == 0) return true;
    problem_ = std::strerror(errno);
    return false;
}

}  // namespace lurus::platform
