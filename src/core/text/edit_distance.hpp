#pragma once

#include <cstddef>
#include <string_view>

namespace lurus {

/// How many bytes must be put in, left out or replaced to make one of the other (Levenshtein). Takes time by the
/// product of their lengths.
std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace lurus
