#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>
#include <system_error>
#include <vector>

#include "core/crypto/sha256.hpp"
#include "core/os/file_owner.hpp"
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

enum class Replaced : std::uint8_t { yes, not_alike };

/// `not_alike`: a new file in its place would not be the same file, and nothing was done.
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

bool write_all(int fd, std::string_view bytes) {
    std::size_t done = 0;
    while (done < bytes.size()) {
        const auto n = ::pwrite(fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(done));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        done += static_cast<std::size_t>(n);
    }
    return ::ftruncate(fd, static_cast<off_t>(bytes.size())) == 0 && ::fsync(fd) == 0;
}

fs::path rescue_file(const fs::path& file, const fs::path& rescue) {
    return rescue / ("writing." + sha256_hex(file.string()).substr(0, 16));
}

/// "12 34\n", then what the file held and what it shall hold.
std::string rescue_text(std::string_view before, std::string_view after) {
    return std::to_string(before.size()) + " " + std::to_string(after.size()) + "\n" + std::string(before) +
           std::string(after);
}

struct Rescue {
    std::string before, after;
};

std::optional<Rescue> read_rescue(const std::string& text) {
    unsigned long long before = 0;
    unsigned long long after = 0;
    int head = 0;
    if (std::sscanf(text.c_str(), "%llu %llu%n", &before, &after, &head) != 2) return std::nullopt;
    const std::size_t begin = static_cast<std::size_t>(head) + 1;
    if (text.size() < begin || text[begin - 1] != '\n' || text.size() - begin != before + after) return std::nullopt;
    return Rescue{text.substr(begin, before), text.substr(begin + before)};
}

/// Whether `now` is what a write of `after` over `before` leaves when it is cut somewhere.
bool is_cut(std::string_view now, const Rescue& write) {
    const auto differs = std::ranges::mismatch(now, write.after).in1;
    const auto written = static_cast<std::size_t>(differs - now.begin());
    const std::string_view rest = std::string_view(write.before).substr(std::min(written, write.before.size()));
    return now.substr(written) == rest;
}

Result<void> write_in_place(const fs::path& file, std::string_view bytes, const fs::path& rescue) {
    const auto before = read_file(file);
    if (!before) return std::unexpected(before.error());
    if (auto made = make_private_dir(rescue); !made) return made;
    const fs::path kept = rescue_file(file, rescue);
    if (auto done = write_private_file(kept, rescue_text(*before, bytes)); !done) return done;
    const OpenFile open(file, O_WRONLY);
    std::string why = open.valid() && write_all(open.get(), bytes) ? std::string() : std::strerror(errno);
    // Putting back what was there takes no room that it had not.
    if (!why.empty() && open.valid() && !write_all(open.get(), *before))
        return fail(ErrorCode::unavailable, file.string() + ": cannot be written: " + why +
                                                "; what it held is put back by the next `lurus connect` (it is in " +
                                                kept.string() + ")");
    std::error_code ec;
    fs::remove(kept, ec);
    if (why.empty()) return {};
    return fail(ErrorCode::unavailable, file.string() + ": cannot be written: " + why + "; nothing was changed");
}

}  // namespace

Result<void> replace_file(const fs::path& file, std::string_view bytes, const fs::path& rescue) {
    if (auto made = make_private_dir(file.parent_path()); !made) return made;
    const auto replaced = replace_by_rename(file, bytes);
    if (!replaced) return std::unexpected(replaced.error());
    return *replaced == Replaced::yes ? Result<void>() : write_in_place(file, bytes, rescue);
}

Result<void> mend_file(const fs::path& file, const fs::path& rescue) {
    const fs::path kept = rescue_file(file, rescue);
    const auto text = read_file(kept);
    if (!text) return text.error().code == ErrorCode::not_found ? Result<void>() : std::unexpected(text.error());
    const auto write = read_rescue(*text);
    const auto now = read_file(file);
    if (write && now && *now != write->after && *now != write->before && is_cut(*now, *write)) {
        const OpenFile open(file, O_WRONLY);
        if (!open.valid() || !write_all(open.get(), write->before))
            return fail(
                ErrorCode::unavailable,
                file.string() + ": cannot be mended after it was cut while it was written: " + std::strerror(errno));
    }
    std::error_code ec;
    fs::remove(kept, ec);
    return {};
}

}  // namespace lurus::platform
