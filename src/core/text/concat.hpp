#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace lurus {

/// The parts as one text.
std::string concat(std::initializer_list<std::string_view> parts);

}  // namespace lurus
