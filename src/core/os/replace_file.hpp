#pragma once
// The steps of `platform::replace_file` that each system has its own way for.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "lurus/result.hpp"

namespace lurus::platform {

enum class Replaced : std::uint8_t { yes, not_alike };

/// A new file with these bytes in the place of the old one, in one step. `not_alike`: it would not be the same file,
/// and nothing was done.
Result<Replaced> replace_by_rename(const std::filesystem::path& file, std::string_view bytes);

/// A file that is there, to be written in place. Not through symbolic links.
class OverwrittenFile {
public:
    explicit OverwrittenFile(const std::filesystem::path& file);
    ~OverwrittenFile();
    OverwrittenFile(const OverwrittenFile&) = delete;
    OverwrittenFile& operator=(const OverwrittenFile&) = delete;
    [[nodiscard]] bool valid() const { return open_ != -1; }
    /// It holds these bytes and no others, and they are on the disk. False: `problem` says why not.
    bool write(std::string_view bytes);
    /// Why it was not opened or not written.
    [[nodiscard]] const std::string& problem() const { return problem_; }

private:
    std::intptr_t open_ = -1;  // a descriptor or a handle
    std::string problem_;
};

}  // namespace lurus::platform
