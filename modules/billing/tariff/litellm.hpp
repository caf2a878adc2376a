#pragma once
// LiteLLM's `model_prices_and_context_window.json`.

#include <string>
#include <string_view>
#include <vector>

#include "lurus/result.hpp"
#include "modules/billing/tariff/tariff.hpp"

namespace lurus::billing {

inline constexpr std::string_view litellm_source =
    "https://github.com/BerriAI/litellm/blob/main/model_prices_and_context_window.json";

/// Tariffs of origin `import` from `from` on, complete(). Left out: models whose prices are all zero (there it means
/// unknown as well as free), or in units that no usage class counts (seconds, characters, pixels). Bad JSON:
/// `invalid_argument` with line and column; so is a price that is not a number.
Result<std::vector<Tariff>> read_litellm(std::string_view json, UnixMicros from);

}  // namespace lurus::billing
