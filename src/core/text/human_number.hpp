#pragma once
// Numbers as people write them.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lurus {

/// A decimal number without spaces, signs and separators: `1_000`, `1,000` and `1.5k` are `1000`, `1000` and `1500`.
/// `k`, `M` and `G` in any case, a thousand each; `_` between digits, `,` between groups of three. Empty when it is
/// none, or could be read in two ways (`1,5`).
std::optional<std::string> plain_decimal(std::string_view text);

/// The same as a whole number, at most `most`.
std::optional<std::int64_t> human_number(std::string_view text, std::int64_t most);

}  // namespace lurus
