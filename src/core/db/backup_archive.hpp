#pragma once
// A backup in one file: a SQLite database whose rows are compressed blocks of other files, and small notes about them.
// It is written and read in pieces, so that a file of any size needs a few MiB of memory and no copy beside it.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "lurus/result.hpp"

namespace lurus {

struct ArchivedFile {
    std::string name;
    std::uint64_t size = 0;  // bytes
    std::string sha256;      // hex digits, of all bytes
};

/// Bytes done of all; called now and then.
using CopyProgress = std::function<void(std::uint64_t done, std::uint64_t all)>;

/// A database as it is at one moment, whatever others write to it meanwhile. One thread. While it lives the write-ahead
/// log cannot be started over.
class DatabaseMoment {
public:
    virtual ~DatabaseMoment() = default;
    static Result<std::unique_ptr<DatabaseMoment>> open(const std::filesystem::path& file);

    [[nodiscard]] virtual std::uint64_t size() const = 0;
    /// The newest migration of each set.
    [[nodiscard]] virtual const std::map<std::string, int>& schema() const = 0;
    /// The first column of a query's first row; empty when there is none.
    virtual Result<std::string> text(std::string_view query) = 0;
    /// `corrupt` when its pages do not hold together; a large one is not read through.
    virtual Result<void> check() = 0;
};

class BackupWriter {
public:
    virtual ~BackupWriter() = default;
    /// A new file of mode 0600.
    static Result<std::unique_ptr<BackupWriter>> create(const std::filesystem::path& file);

    virtual Result<ArchivedFile> add(std::string_view name, DatabaseMoment& source, const CopyProgress& progress) = 0;
    virtual Result<void> add_note(std::string_view name, std::string_view bytes) = 0;
    /// Everything is on the disk then. Nothing can be added any more.
    virtual Result<void> finish() = 0;
};

/// `corrupt` wherever the file is not what was written.
class BackupReader {
public:
    virtual ~BackupReader() = default;
    static Result<std::unique_ptr<BackupReader>> open(const std::filesystem::path& file);

    /// `not_found`
    virtual Result<std::string> note(std::string_view name) = 0;
    /// All of a file, in order, piece by piece; its checksum is compared with the one that was written.
    virtual Result<ArchivedFile> read(std::string_view name,
                                      const std::function<Result<void>(std::string_view piece)>& take,
                                      const CopyProgress& progress) = 0;
};

}  // namespace lurus
