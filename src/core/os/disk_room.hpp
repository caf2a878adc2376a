#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace lurus {

/// How many bytes this process can still write where `dir` is, quotas aside; empty when the system does not say.
std::optional<std::uint64_t> room_in(const std::filesystem::path& dir);
/// With less room a disk counts as full: SQLite needs some pages for a commit.
inline constexpr std::uint64_t least_room = 128 << 10;

}  // namespace lurus
