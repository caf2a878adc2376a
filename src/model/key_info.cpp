#include <algorithm>

#include "core/text/glob.hpp"
#include "lurus/identity.hpp"

namespace lurus {

bool KeyInfo::allows_model(std::string_view model) const {
    if (rules.denies_model(model)) return false;
    return models.empty() || std::ranges::any_of(models, [&](const auto& glob) { return glob_match(glob, model); });
}

bool KeyInfo::allows(Family family) const {
    return families.empty() || std::ranges::find(families, family) != families.end();
}

}  // namespace lurus
