#pragma once
// Notices that a file has another content, by looking at it again and again: the same for writers that take their time,
// for editors that replace a file, and for symbolic links that are led elsewhere (Kubernetes' `..data`).

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "lurus/result.hpp"

namespace lurus {

/// What differs when a regular file was written to or replaced. Symbolic links are followed.
struct FileIdentity {
    std::uint64_t device = 0, inode = 0, size = 0;
    std::int64_t modified_ns = 0;
    std::int64_t changed_ns = 0;  // also where somebody set the time of the change back
    bool operator==(const FileIdentity&) const = default;
};

/// Empty where there is no regular file.
std::optional<FileIdentity> file_identity(const std::filesystem::path& file);
/// A pipe, a socket or a device: read once, it has nothing more, and whoever reads it again may wait for ever.
bool is_stream(const std::filesystem::path& file);

/// One thread. The looks are what time is here: a change counts when two of them in a row saw the same.
class WatchedFile {
public:
    enum class Look : std::uint8_t {
        same,     // or it is still being written, or a stream
        changed,  // once for each content, and when the file is back after `away`
        away,     // once: it is not there, for two looks by now
    };

    explicit WatchedFile(std::filesystem::path file, std::uintmax_t max_bytes = 4 << 20);

    /// What it holds at this moment is known to whoever looks.
    void take_as_known();
    Look look();
    /// It was seen to change and is not read yet.
    [[nodiscard]] bool settling() const;
    /// What the last look that said `changed` read; once.
    [[nodiscard]] Result<std::string> take_text();
    [[nodiscard]] const std::filesystem::path& path() const { return file_; }

private:
    Look read(const FileIdentity& now);

    std::filesystem::path file_;
    std::uintmax_t max_bytes_;
    std::optional<FileIdentity> read_;  // as it was when it was read last
    std::optional<FileIdentity> last_look_;
    std::string digest_;  // of what was read last; empty = nothing
    Result<std::string> text_;
    int looks_without_ = 0;
};

}  // namespace lurus
