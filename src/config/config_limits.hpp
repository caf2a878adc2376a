#pragma once
// Rules and limits in lurus.toml: those of a `[[key]]`, and `[limits]`.

#include "config/config_reader.hpp"
#include "lurus/limits.hpp"

namespace lurus::config {

void read_key_rules(ConfigTable& section, KeyRules& rules);
void read_limits(ConfigTable section, CommonLimits& limits);

}  // namespace lurus::config
