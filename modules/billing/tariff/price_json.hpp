#pragma once
// Prices as the management API writes and reads them.

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "lurus/billing.hpp"
#include "modules/billing/tariff/tariff.hpp"

namespace lurus::billing {

/// JSON Schemas of the bodies, for the OpenAPI document.
std::string price_list_schema();
std::string price_schema();
std::string quote_request_schema();
std::string quote_schema();
std::string own_price_schema();
std::string import_result_schema();

nlohmann::ordered_json json_of(const Tariff& tariff);
nlohmann::ordered_json json_of(const Cost& cost);

struct Quote {
    std::string model;
    std::string provider_kind;
    std::string provider;
    UnixMicros time = 0;
    Usage usage;
};

/// `invalid_argument` names the field and what it must be; an unknown field is refused.
Result<Quote> quote_from(std::string_view body, UnixMicros now);
/// A complete() tariff of origin `own`.
Result<Tariff> own_price_from(std::string_view body, const std::string& model, UnixMicros now);
/// The vendor that stands for a provider's own price.
std::string vendor_of_provider(std::string_view provider);

}  // namespace lurus::billing
