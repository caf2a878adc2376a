#pragma once
// Where time zones come from: Linux has a database of them; the executable for Windows brings one along.

#include <absl/time/time.h>

#include <string_view>

namespace lurus {

/// Lets abseil find zones by name. Before the first is asked for; any thread.
void provide_zones();
/// The machine's own.
absl::TimeZone system_zone();
/// Whoever misses a zone may want to know: ` (the package tzdata has them)`.
std::string_view zones_hint();

}  // namespace lurus
