#pragma once

#include <string>
#include <vector>

#include "config/config.hpp"
#include "core/text/shell_word.hpp"
#include "lurus/provider.hpp"

namespace lurus::app {

/// What a person needs after the start.
struct BannerFacts {
    std::string version;
    std::vector<std::string> urls;  // where it listens
    std::string certificate;        // of the first https address
    std::string new_key;            // shown this once; empty when there were keys already
    std::string key_file;           // where it is instead, when nobody may read it here
    bool needs_key = true;          // false: every listener is open
    std::string program = "lurus";  // as this person can type it
    std::string options;            // ` --data-dir DIR`, or empty
    std::string data_dir;
    std::string config_file;  // empty = none
    std::string owner_link;   // makes the first owner, once; empty = there is one, or nobody may read it here
    std::string owner_file;   // where it is instead
    std::string problem;      // why nothing can be changed; empty = it can
    bool demo_only = false;   // only the demo provider answers
    Family family = Family::anthropic;
    std::string model;                                   // for the example; empty: nobody answers yet
    platform::HomeStyle style = platform::home_style();  // whose shell the commands are for
};

enum class Colour : std::uint8_t { none, terminal };

std::string banner(const BannerFacts& facts, Colour colour);

/// Chooses the example's dialect and model.
void choose_example(const Catalog& catalog, BannerFacts& facts);

}  // namespace lurus::app
