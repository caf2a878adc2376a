#pragma once
// The list of github.com/pydantic/genai-prices, `prices/data.json`.

#include <string_view>

#include "modules/billing/tariff/imported.hpp"

namespace lurus::billing {

inline constexpr std::string_view genai_source = "https://github.com/pydantic/genai-prices/blob/main/prices/data.json";

/// Whether a text is meant as that list: an array, or an object with `providers`.
bool is_genai_prices(std::string_view json);

/// A price that starts at `from` or before holds from `from` on, a later one from its `start_date` on. A model has a
/// tariff for its id and for each name that `match` spells out. Left out without a word: models without a price, or
/// whose prices are all zero. Skipped: an odd price, prices by the hour of the day, prices by the request.
Result<ImportedPrices> read_genai_prices(std::string_view json, UnixMicros from);

}  // namespace lurus::billing
