#pragma once
// Keys fixed in the configuration, as the others are known.

#include <string_view>
#include <vector>

#include "lurus/identity.hpp"

namespace lurus::identity {

/// `invalid_argument` or `conflict` names the key, never its value. They are the default organisation's.
Result<std::vector<KeyInfo>> infos_of(const std::vector<ConfiguredKey>& keys, std::string_view prefix, UnixMicros now);

}  // namespace lurus::identity
