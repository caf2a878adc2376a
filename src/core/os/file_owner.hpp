#pragma once
// Files of other users, for a process that root may run: whose hands a place is in, and doing there only what its owner
// could do.

#include <cstdint>
#include <filesystem>
#include <string>

#include "lurus/result.hpp"

namespace lurus::platform {

using UserId = std::uint32_t;

/// In whose name this process works with the files of `place`. Itself; for root, whoever owns the first folder on the
/// way there that is not root's, because they choose where the rest of the way leads.
UserId user_for(const std::filesystem::path& place);
/// `ann`, or the number where it has no name.
std::string user_name(UserId user);
/// The owner of what is there; `not_found`, or `permission_denied` when it cannot be looked at.
Result<UserId> owner_of(const std::filesystem::path& file);

/// While it lives, the calling thread (and threads that it starts) opens, makes and removes files as `user_for(place)`
/// would: links in others' folders lead nowhere that their owner could not go, and what is made is theirs. Changes
/// nothing where that is the process itself. They nest.
class ActAsOwner {
public:
    explicit ActAsOwner(const std::filesystem::path& place);
    ~ActAsOwner();
    ActAsOwner(const ActAsOwner&) = delete;
    ActAsOwner& operator=(const ActAsOwner&) = delete;

private:
    UserId user_before_;
    std::uint32_t group_before_;
};
/// Whom the calling thread's file operations are done for.
UserId acting_user();

/// Whether every user of this machine may read it; a group of some, such as Debian's ssl-cert, is not all. On Windows
/// whether anybody may besides those whom a private file is for.
bool readable_by_all(const std::filesystem::path& file);
/// What a person types so that its owner may write it again: `chmod u+w FILE`.
std::string writable_hint(const std::filesystem::path& file);

/// Whether the file can be given other bytes by `replace_file`, or made: `permission_denied` says why not and what to
/// do. What is another user's is not written, even where its mode lets us, except by root in folders of its own.
Result<void> check_replaceable(const std::filesystem::path& file);

/// Gives the file these bytes and keeps everything else of it: owner, group, mode, access list and other attributes,
/// all its names. In one step where that keeps them (a new file beside it, synced, renamed); else in place, and then
/// what it held is kept in the folder `rescue` until the new bytes are on the disk. A new file gets mode 0600. Not for
/// symbolic links.
Result<void> replace_file(const std::filesystem::path& file, std::string_view bytes,
                          const std::filesystem::path& rescue);
/// After a crash while a file was written in place: it holds what it held before. Nothing happens when it was whole, or
/// when somebody has written it since.
Result<void> mend_file(const std::filesystem::path& file, const std::filesystem::path& rescue);

}  // namespace lurus::platform
