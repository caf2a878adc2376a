#pragma once
// LiteLLM's `model_prices_and_context_window.json`.

#include <string_view>

#include "modules/billing/tariff/imported.hpp"

namespace lurus::billing {

inline constexpr std::string_view litellm_source =
    "https://github.com/BerriAI/litellm/blob/main/model_prices_and_context_window.json";

/// Left out without a word: models whose prices are all zero (there it means unknown as well as free), or in units that
/// no usage class counts (characters, pixels). Skipped: a price that is negative, absurd or no number. Bad JSON:
/// `invalid_argument` with line and column.
Result<ImportedPrices> read_litellm(std::string_view json, UnixMicros from);

}  // namespace lurus::billing
