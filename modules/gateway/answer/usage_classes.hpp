#pragma once
// The vendors' arithmetic, turned into the disjoint classes of lurus::Usage.

#include "lurus/dialect.hpp"
#include "lurus/usage.hpp"
#include "modules/gateway/answer/usage_fields.hpp"

namespace lurus::gateway {

/// Reads a family's merged usage. What the vendor did not say stays empty; a difference that would be negative is 0.
Usage usage_classes(Family family, const UsageFields& fields);

/// Class by class; a class that neither has stays empty. For sessions of several answers.
Usage sum(const Usage& a, const Usage& b);

}  // namespace lurus::gateway
