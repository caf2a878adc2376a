#pragma once

#include <memory>
#include <vector>

#include "lurus/identity.hpp"

namespace lurus::identity {

/// Hashes must differ from one another.
std::shared_ptr<const KeySnapshot> make_snapshot(std::vector<KeyInfo> keys);

}  // namespace lurus::identity
