#include "core/os/control_group.hpp"

#include <algorithm>
#include <fstream>

namespace lurus::platform {

std::optional<double> processor_quota(const std::filesystem::path& root, const std::filesystem::path& group) {
    std::optional<double> least;
    for (std::filesystem::path at = group;; at = at.parent_path()) {
        std::ifstream file(root / at.relative_path() / "cpu.max");
        double quota = 0, period = 0;  // microseconds; "max" where there is no quota
        if (file >> quota >> period && quota > 0 && period > 0)
            least = std::min(least.value_or(quota / period), quota / period);
        if (at == at.parent_path()) return least;
    }
}

std::optional<std::uint64_t> memory_quota(const std::filesystem::path& root, const std::filesystem::path& group) {
    std::optional<std::uint64_t> least;
    for (std::filesystem::path at = group;; at = at.parent_path()) {
        std::ifstream file(root / at.relative_path() / "memory.max");
        std::uint64_t quota = 0;  // "max" where there is none
        if (file >> quota) least = std::min(least.value_or(quota), quota);
        if (at == at.parent_path()) return least;
    }
}

}  // namespace lurus::platform
