#pragma once
// Decimal text to integers, without a double in between.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lurus::billing {

/// `text` × 10^`power`, rounded half-even to an integer. `text` is a JSON number (`3`, `0.30`, `1.5e-07`) that is not
/// negative. Empty: not a number, negative, or beyond int64.
std::optional<std::int64_t> scaled_decimal(std::string_view text, int power);

/// units × pico / 1000, rounded half-even: nano-US-dollars. Empty: an argument is negative or the product beyond int64.
std::optional<std::int64_t> nano_of(std::int64_t units, std::int64_t pico_per_unit);

}  // namespace lurus::billing
