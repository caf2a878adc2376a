#pragma once
// Notices that the configuration file changed.

#include <optional>
#include <string>

#include "config/config.hpp"
#include "core/os/watched_file.hpp"

namespace lurus::control {

/// One thread.
class ConfigWatch {
public:
    /// Remembers the file as it is now; make it before the configuration is loaded.
    ConfigWatch(config::ConfigFlags flags, config::Environment environment);
    /// `changed` also when a file appeared where there was none. The first file that is found stays the one that
    /// counts: when it is away, another one does not take its place.
    WatchedFile::Look look();
    /// The configuration of what the last look that said `changed` read.
    [[nodiscard]] Result<config::Config> load();
    /// Somebody has read the file as it is now.
    void take_as_known();
    [[nodiscard]] std::string file() const { return file_ ? file_->path().string() : std::string(); }

private:
    void find();

    config::ConfigFlags flags_;
    config::Environment environment_;
    std::optional<WatchedFile> file_;  // none = none was found so far
};

/// What a file that changed by itself has lost of everything that was declared in it, in words; empty when it is to be
/// taken. A file that was emptied, or cut short by a copy that broke off, is valid to a parser.
std::string what_is_lost(const config::Config& before, const config::Config& now);

}  // namespace lurus::control
