#pragma once
// What Linux' control groups leave to a process. Source: "Control Group v2", docs.kernel.org/admin-guide/cgroup-v2.html

#include <cstdint>
#include <filesystem>
#include <optional>

namespace lurus::platform {

/// How many processors the quotas of a control group and of those above it leave; empty when none sets one. `root` is
/// where the hierarchy is mounted.
std::optional<double> processor_quota(const std::filesystem::path& root, const std::filesystem::path& group);
/// What `memory.max` of a control group and of those above it leaves; empty when none sets one.
std::optional<std::uint64_t> memory_quota(const std::filesystem::path& root, const std::filesystem::path& group);

}  // namespace lurus::platform
