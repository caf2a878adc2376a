#include "core/os/file_owner.hpp"

#include <algorithm>
#include <mutex>
#include <vector>

#include "core/os/access_list.hpp"
#include "core/os/platform.hpp"

namespace lurus::platform {
namespace {

namespace fs = std::filesystem;
using windows::Sid;

constexpr UserId own_id = 1;  // 0 is the user who may do everything, whom Windows does not have

// Accounts have no numbers here: they get one each when they are first met.
class Accounts {
public:
    static Accounts& all() {
        static Accounts accounts;
        return accounts;
    }
    UserId id_of(const Sid& sid) {
        if (windows::is_own(sid)) return own_id;
        const std::scoped_lock lock(mutex_);
        const auto found = std::ranges::find(met_, sid);
        const auto at = static_cast<UserId>(found - met_.begin());
        if (found == met_.end()) met_.push_back(sid);
        return own_id + 1 + at;
    }
    std::string name_of(UserId user) {
        if (user == own_id) return windows::own_account().name();
        const std::scoped_lock lock(mutex_);
        const std::size_t at = user - own_id - 1;
        return at < met_.size() ? met_[at].name() : "user " + std::to_string(user);
    }

private:
    std::mutex mutex_;
    std::vector<Sid> met_;
};

Error not_mine(const fs::path& file, const std::string& why) {
    return Error(ErrorCode::permission_denied, file.string() + " " + why);
}

Result<void> check_parent(const fs::path& file) {
    fs::path dir = file.parent_path();
    std::error_code ec;
    while (!dir.empty() && dir != dir.parent_path() && !fs::exists(fs::symlink_status(dir, ec)))
        dir = dir.parent_path();
    if (!fs::is_directory(dir, ec))
        return std::unexpected(not_mine(file, "cannot be made: " + dir.string() + " is no folder that can be entered"));
    if (may_write(dir)) return {};
    const auto owner = owner_of(dir);
    return std::unexpected(not_mine(file, "cannot be made: " + user_name(acting_user()) + " may not write in " +
                                              dir.string() +
                                              (owner ? ", which belongs to " + user_name(*owner) : std::string())));
}

bool is_missing(DWORD code) {
    return code == ERROR_FILE_NOT_FOUND || code == ERROR_PATH_NOT_FOUND;
}

}  // namespace

UserId user_for(const fs::path&) {
    return own_id;
}

std::string user_name(UserId user) {
    return Accounts::all().name_of(user);
}

Result<UserId> owner_of(const fs::path& file) {
    if (const auto owner = windows::owner_sid(file)) return Accounts::all().id_of(*owner);
    const DWORD code = ::GetLastError();
    if (is_missing(code)) return fail(ErrorCode::not_found, file.string() + " does not exist");
    return fail(ErrorCode::permission_denied, "cannot look at " + file.string() + ": " + windows::text_of_error(code));
}

// Windows has no user of a thread's file operations that a process may choose without their password. Administrators
// pass by their privileges, and what they make belongs to them all.
ActAsOwner::ActAsOwner(const fs::path&) : user_before_(own_id), group_before_(0) {}

ActAsOwner::~ActAsOwner() = default;

UserId acting_user() {
    return own_id;
}

bool readable_by_all(const fs::path& file) {
    return windows::others_may_read(file);
}

std::string writable_hint(const fs::path& file) {
    return "attrib -r \"" + file.string() + "\"";
}

Result<void> check_replaceable(const fs::path& file) {
    const DWORD attributes = ::GetFileAttributesW(file.c_str());
    if (attributes == INVALID_FILE_ATTRIBUTES) {
        const DWORD code = ::GetLastError();
        if (is_missing(code)) return check_parent(file);
        return std::unexpected(not_mine(file, "cannot be looked at: " + windows::text_of_error(code)));
    }
    if ((attributes & (FILE_ATTRIBUTE_DIRECTORY | FILE_ATTRIBUTE_REPARSE_POINT | FILE_ATTRIBUTE_DEVICE)) != 0)
        return std::unexpected(not_mine(file, "is no ordinary file"));
    const auto owner = windows::owner_sid(file);
    if (owner && !windows::is_own(*owner) && windows::is_account(*owner)) {
        return std::unexpected(not_mine(
            file, "belongs to " + owner->name() + ", not to " + windows::own_account().name() + ": run this as " +
                      owner->name() + ", or take it (as an administrator: takeown /f \"" + file.string() + "\")"));
    }
    if ((attributes & FILE_ATTRIBUTE_READONLY) != 0)
        return std::unexpected(not_mine(file, "is read-only: " + writable_hint(file)));
    const windows::Handle open(::CreateFileW(file.c_str(), GENERIC_WRITE, windows::share_all, nullptr, OPEN_EXISTING,
                                             FILE_FLAG_OPEN_REPARSE_POINT, nullptr));
    if (open.valid()) return {};
    return std::unexpected(not_mine(file, "cannot be written: " + windows::last_error()));
}

}  // namespace lurus::platform
