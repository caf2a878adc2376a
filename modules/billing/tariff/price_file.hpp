#pragma once
// config/prices.json and prices that people give: USD per million tokens as decimal text. docs/prices.md is its
// reference.

#include <nlohmann/json_fwd.hpp>
#include <string_view>
#include <vector>

#include "lurus/result.hpp"
#include "modules/billing/tariff/tariff.hpp"

namespace lurus::billing {

/// `invalid_argument` names the entry and what is wrong with it.
Result<std::vector<Tariff>> read_price_file(std::string_view json);

/// `{"standard":{"input":"3"},"standard>200000":{...},"batch":{"times":"0.5"}}`.
Result<std::vector<Service>> read_rates(const nlohmann::json& rates);

}  // namespace lurus::billing
