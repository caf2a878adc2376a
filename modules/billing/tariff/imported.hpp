#pragma once
// Lists of prices that others keep, as tariffs.

#include <string>
#include <string_view>
#include <vector>

#include "lurus/result.hpp"
#include "modules/billing/tariff/tariff.hpp"

namespace lurus::billing {

struct SkippedModel {
    std::string model;
    std::string reason;
};

struct ImportedPrices {
    std::vector<Tariff> tariffs;        // of origin `import`, complete(), one for each name and date
    int models = 0;                     // that were taken
    std::vector<SkippedModel> skipped;  // left out for an odd price, not for having none
    /// The list names the dates of its prices: what it announced earlier and does not name any more is withdrawn.
    bool dated = false;
};

/// By its shape, LiteLLM's or genai-prices' list. `invalid_argument` with line and column when it is no JSON.
Result<ImportedPrices> read_imported(std::string_view json, UnixMicros from);

/// `azure` → `azure-openai`, `google` → `gemini`; others are called as the list calls them.
std::string vendor_of_list(std::string_view provider);

bool all_zero(const std::vector<Service>& services);

}  // namespace lurus::billing
