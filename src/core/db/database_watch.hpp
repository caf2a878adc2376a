#pragma once
// A database file in use, seen from outside the connections that use it: SQLite itself goes on with a file that was
// deleted, replaced or overwritten as long as it holds the pages it needs, and what it stores then is lost.

#include <cstdint>
#include <filesystem>
#include <memory>

#include "lurus/result.hpp"

namespace lurus {

/// Any thread.
class DatabaseWatch {
public:
    virtual ~DatabaseWatch() = default;
    /// Whether the file may be changed. `unavailable`: deleted, replaced by another file, or made read-only; `corrupt`:
    /// it does not begin as a database does, or is cut short. Takes microseconds and no lock of the database.
    virtual Result<void> check() = 0;
    enum class Depth : std::uint8_t {
        lock,   // that no other process keeps it locked for `patience_ms`
        pages,  // and that its pages hold together, unless the file is larger than `most_checked_bytes`
    };
    /// `check`, and more.
    virtual Result<void> probe(int patience_ms, Depth depth) = 0;
    static constexpr std::uintmax_t most_checked_bytes = 256 << 20;

    /// `file` is there and in use from now on.
    static Result<std::unique_ptr<DatabaseWatch>> open(const std::filesystem::path& file);
};

/// All of it, of a file that no running server uses.
Result<void> examine_database(const std::filesystem::path& file, int patience_ms);

/// `unavailable` when nobody may write the file, or this process may not.
Result<void> check_writable(const std::filesystem::path& file);

}  // namespace lurus
