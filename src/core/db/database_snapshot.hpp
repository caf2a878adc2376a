#pragma once
// A whole copy of a database beside it, for a start on which the database itself cannot be read. The copy is a database
// with a line after it that holds its version, its SHA-256 and when it was made; SQLite does not mind that line.

#include <filesystem>
#include <memory>

#include "lurus/clock.hpp"
#include "lurus/result.hpp"

namespace lurus {

/// `lurus.db.snapshot`
std::filesystem::path snapshot_of(const std::filesystem::path& database);

/// One thread at a time.
class DatabaseSnapshots {
public:
    virtual ~DatabaseSnapshots() = default;
    /// Replaces the snapshot in one step, when others changed the database since the last one or none was taken yet. A
    /// database whose pages do not hold together replaces nothing: `corrupt`. True when one was taken.
    virtual Result<bool> take_if_changed(UnixMicros now) = 0;

    static Result<std::unique_ptr<DatabaseSnapshots>> open(const std::filesystem::path& database);
};

/// When it was made. `not_found`; `corrupt`: not whole, or of another version.
Result<UnixMicros> check_snapshot(const std::filesystem::path& snapshot);

/// Writes the database that a good snapshot holds into a new file of mode 0600.
Result<void> unpack_snapshot(const std::filesystem::path& snapshot, const std::filesystem::path& to);

}  // namespace lurus
