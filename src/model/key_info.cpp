#include <algorithm>

#include "lurus/identity.hpp"

namespace lurus {

bool KeyInfo::allows(Family family) const {
    return families.empty() || std::ranges::find(families, family) != families.end();
}

}  // namespace lurus
