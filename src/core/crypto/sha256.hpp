#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace lurus {

std::array<std::uint8_t, 32> sha256(std::string_view bytes);
/// 64 lower-case hex digits.
std::string sha256_hex(std::string_view bytes);

}  // namespace lurus
