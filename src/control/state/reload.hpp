#pragma once
// Notices that the configuration file changed, by looking: the same on every system, and right for editors that replace
// files.

#include <string>

#include "config/config.hpp"

namespace lurus::control {

/// One thread.
class ConfigWatch {
public:
    /// Remembers the file as it is now; make it before the configuration is loaded.
    ConfigWatch(config::ConfigFlags flags, config::Environment environment);
    /// True once for each change of the file's content, or when a file appeared where there was none.
    bool changed();

private:
    [[nodiscard]] std::string fingerprint() const;

    config::ConfigFlags flags_;
    config::Environment environment_;
    std::string last_;
};

}  // namespace lurus::control
