#include "core/os/zone_data.hpp"

namespace lurus {

void provide_zones() {}

absl::TimeZone system_zone() {
    return absl::LocalTimeZone();
}

std::string_view zones_hint() {
    return " (the package tzdata has them)";
}

}  // namespace lurus
