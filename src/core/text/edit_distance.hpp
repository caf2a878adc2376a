#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace lurus {

/// How many bytes must be put in, left out or replaced to make one of the other (Levenshtein). Takes time by the
/// product of their lengths.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// The known name that somebody who typed `given` most likely meant: one near enough, or one that begins with it.
/// Empty when there is none.
std::string nearest_name(std::string_view given, const std::vector<std::string>& known);

}  // namespace lurus
