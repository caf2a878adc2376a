#pragma once

#include <doctest/doctest.h>

#include "../world.hpp"

namespace lurus::test {

inline constexpr std::int64_t second = 1'000'000;
inline constexpr std::int64_t minute = 60 * second;
inline constexpr std::int64_t hour = 60 * minute;

}  // namespace lurus::test
