#include "core/os/file_owner.hpp"

#include <fcntl.h>
#include <pwd.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

namespace lurus::platform {
namespace {

namespace fs = std::filesystem;

struct Owner {
    uid_t user = 0;
    gid_t group = 0;
};

// -1 is nobody: the call changes nothing and tells who it is.
uid_t file_user() {
    return static_cast<uid_t>(::setfsuid(static_cast<uid_t>(-1)));
}
gid_t file_group() {
    return static_cast<gid_t>(::setfsgid(static_cast<gid_t>(-1)));
}

// The group first: changing it takes the rights that the user gives up.
void become(uid_t user, gid_t group) {
    if (file_user() != user) ::setfsuid(::geteuid());
    ::setfsgid(group);
    ::setfsuid(user);
}

Owner first_stranger(const fs::path& place) {
    std::error_code ec;
    fs::path so_far;
    for (const auto& part : fs::absolute(place, ec).lexically_normal()) {
        so_far /= part;
        struct stat info{};
        if (::lstat(so_far.c_str(), &info) != 0) break;
        if (info.st_uid != 0 && (S_ISDIR(info.st_mode) || S_ISLNK(info.st_mode))) return {info.st_uid, info.st_gid};
    }
    return {};
}

Error not_ours(const fs::path& file, const std::string& why) {
    return Error(ErrorCode::permission_denied, file.string() + " " + why);
}

Result<void> check_folder(const fs::path& file) {
    fs::path dir = file.parent_path();
    std::error_code ec;
    while (!dir.empty() && dir != dir.parent_path() && !fs::exists(fs::symlink_status(dir, ec)))
        dir = dir.parent_path();
    if (!fs::is_directory(dir, ec))
        return std::unexpected(not_ours(file, "cannot be made: " + dir.string() + " is no folder that can be entered"));
    if (::faccessat(AT_FDCWD, dir.c_str(), W_OK | X_OK, AT_EACCESS) == 0) return {};
    const auto owner = owner_of(dir);
    return std::unexpected(not_ours(file, "cannot be made: " + user_name(acting_user()) + " may not write in " +
                                              dir.string() +
                                              (owner ? ", which belongs to " + user_name(*owner) : std::string())));
}

}  // namespace

UserId user_for(const fs::path& place) {
    return ::geteuid() == 0 ? first_stranger(place).user : ::geteuid();
}

std::string user_name(UserId user) {
    std::vector<char> room(16384);
    passwd entry{};
    passwd* found = nullptr;
    if (::getpwuid_r(user, &entry, room.data(), room.size(), &found) == 0 && found != nullptr) return entry.pw_name;
    return "user " + std::to_string(user);
}

Result<UserId> owner_of(const fs::path& file) {
    struct stat info{};
    if (::stat(file.c_str(), &info) == 0) return info.st_uid;
    if (errno == ENOENT || errno == ENOTDIR) return fail(ErrorCode::not_found, file.string() + " does not exist");
    return fail(ErrorCode::permission_denied, "cannot look at " + file.string() + ": " + std::strerror(errno));
}

ActAsOwner::ActAsOwner(const fs::path& place) : user_before_(file_user()), group_before_(file_group()) {
    if (::geteuid() != 0) return;
    become(0, ::getegid());
    const Owner owner = first_stranger(place);
    if (owner.user != 0) become(owner.user, owner.group);
}

ActAsOwner::~ActAsOwner() {
    if (::geteuid() == 0) become(user_before_, group_before_);
}

UserId acting_user() {
    return file_user();
}

bool readable_by_all(const fs::path& file) {
    struct stat info{};
    return ::stat(file.c_str(), &info) == 0 && (info.st_mode & S_IROTH) != 0;
}

std::string writable_hint(const fs::path& file) {
    return "chmod u+w " + file.string();
}

Result<void> check_replaceable(const fs::path& file) {
    struct stat info{};
    if (::lstat(file.c_str(), &info) != 0) {
        if (errno == ENOENT) return check_folder(file);
        return std::unexpected(not_ours(file, std::string("cannot be looked at: ") + std::strerror(errno)));
    }
    if (!S_ISREG(info.st_mode)) return std::unexpected(not_ours(file, "is no ordinary file"));
    const uid_t me = acting_user();
    if (me != 0 && info.st_uid != me) {
        const std::string name = user_name(info.st_uid), mine = user_name(me);
        return std::unexpected(not_ours(file, "belongs to " + name + ", not to " + mine + ": run this as " + name +
                                                  ", or give it to " + mine + " (as root: chown " + mine + " " +
                                                  file.string() + ")"));
    }
    if ((info.st_mode & S_IWUSR) == 0) return std::unexpected(not_ours(file, "is read-only: " + writable_hint(file)));
    const int fd = ::open(file.c_str(), O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0) {
        ::close(fd);
        return {};
    }
    const std::string why = errno == EPERM   ? "is protected from changes (chattr -i takes that away)"
                            : errno == EROFS ? "lies on a file system that is mounted read-only"
                                             : std::string("cannot be written: ") + std::strerror(errno);
    return std::unexpected(not_ours(file, why));
}

}  // namespace lurus::platform
