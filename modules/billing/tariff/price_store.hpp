#pragma once
// Imported prices and those that people gave.

#include <filesystem>
#include <memory>
#include <vector>

#include "lurus/result.hpp"
#include "modules/billing/tariff/tariff.hpp"

namespace lurus::billing {

/// Not thread-safe: the owner serialises.
class PriceStore {
public:
    virtual ~PriceStore() = default;
    virtual Result<std::vector<Tariff>> load() = 0;
    /// Writes all or nothing; one with the same origin, vendor, model and date is replaced.
    virtual Result<void> put(const std::vector<const Tariff*>& tariffs, UnixMicros now) = 0;
    /// Removes every dated price of an override. `not_found` when there is none.
    virtual Result<void> remove_override(const std::string& vendor, const std::string& model) = 0;
};

Result<std::unique_ptr<PriceStore>> open_price_store_sqlite(const std::filesystem::path& file);

}  // namespace lurus::billing
