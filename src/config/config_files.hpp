#pragma once
// The files that a configuration names beside itself: certificates, private keys, roots.

#include <string>
#include <vector>

#include "config/config.hpp"

namespace lurus::config {

struct FileFinding {
    enum class Level : std::uint8_t {
        good,
        soon,      // it works, and is to be looked at
        bad,       // it can be used, but not by all, or not well
        unusable,  // `serve` does not start with it, or whoever needs it fails
    } level = Level::good;
    std::string where;  // the declaration's position in the file, or the option's name
    std::string what;   // a sentence that names the file
    std::string fix;    // what to do, where there is more to say than to correct it
};

/// Reads them all. `now` is what dates are compared with.
std::vector<FileFinding> check_files(const Config& config, UnixMicros now);

}  // namespace lurus::config
