#pragma once
// Who may do what with a file, in Windows' terms. Only sources for Windows include it.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/os/windows_api.hpp"

namespace lurus::windows {

/// The identifier of an account or a group.
class Sid {
public:
    explicit Sid(PSID sid);
    [[nodiscard]] PSID get() const { return const_cast<unsigned char*>(bytes_.data()); }
    /// `S-1-5-18`
    [[nodiscard]] std::string text() const;
    /// `OFFICE\ann`; `text()` where it has no name.
    [[nodiscard]] std::string name() const;
    bool operator==(const Sid& other) const;

private:
    std::vector<unsigned char> bytes_;
};

/// The account that this process runs as.
const Sid& own_account();
/// Whether it stands for this process: its account, or a group that is enabled in it, which is how the files of
/// administrators are theirs together.
bool is_own(const Sid& sid);
/// Empty, with the last error set, where it cannot be told.
std::optional<Sid> owner_sid(const std::filesystem::path& path);

/// The single accounts, such as a service's, that have all rights by the first folder on the way up from `place` (with
/// it) that inherits nothing: whoever cut the inheritance there chose them.
std::vector<Sid> trusted_accounts(const std::filesystem::path& place);

/// Whether it is that of one account, a service's among them, and not of a group.
bool is_account(PSID sid);
inline bool is_account(const Sid& sid) {
    return is_account(sid.get());
}

enum class AccessOf : bool { file, folder };
/// A descriptor of what is made in the folder `place`: for this process's account, the trusted ones, the system and
/// administrators; inherited from nobody; a folder's goes on to what is made in it. Null, with the last error set, when
/// it cannot be made.
Local<void> private_access(const std::filesystem::path& place, AccessOf what);
/// Puts a descriptor's list in the place of the one that the file has. An error of the system, or ERROR_SUCCESS.
DWORD give_access(const std::filesystem::path& path, void* descriptor);
/// Whether anybody may read it besides its owner, this account, the trusted ones, the system and administrators.
bool others_may_read(const std::filesystem::path& path);

}  // namespace lurus::windows
