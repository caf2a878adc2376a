#pragma once

#include <string_view>

namespace lurus {

/// The newest migration of a set that this program has; 0 = it has no such set.
int newest_migration(std::string_view set);

}  // namespace lurus
