#pragma once
// What not every executable on every system has.

#include <string>
#include <vector>

namespace lurus {

struct Feature {
    std::string name;  // for scripts: a word
    bool present = false;
    std::string how;  // by what; where it is not there, why, and what to do
};

/// Of this executable on this system now: libraries that it would load are looked for. Any thread.
std::vector<Feature> features();

}  // namespace lurus
