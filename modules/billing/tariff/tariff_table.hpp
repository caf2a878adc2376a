#pragma once
// All tariffs at one moment, indexed by vendor and model name.

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lurus/billing.hpp"
#include "modules/billing/tariff/imported.hpp"
#include "modules/billing/tariff/tariff.hpp"

namespace lurus::billing {

/// Immutable, any thread. price() takes a few hash lookups and one allocation for the lines.
class TariffTable final : public TariffSnapshot {
public:
    using Versions = std::map<std::string, std::int64_t, std::less<>>;  // by model, of its stored prices together

    /// The tariffs are complete().
    TariffTable(std::shared_ptr<const std::vector<Tariff>> builtin, std::vector<Tariff> stored, Versions versions = {});
    TariffTable(const TariffTable&) = delete;
    TariffTable& operator=(const TariffTable&) = delete;

    std::optional<Cost> price(const PriceQuery& query, const Usage& usage) const override;

    /// The tariff that holds for a query; null when there is none.
    [[nodiscard]] const Tariff* find(const PriceQuery& query) const;
    /// Those whose model or alias this name stands for, of every vendor: by vendor, then the winning one first.
    [[nodiscard]] std::vector<const Tariff*> all_named(std::string_view model) const;
    /// Of what all_named shows: rises when any of it that is stored changes; 0 = none of it ever was stored.
    [[nodiscard]] std::int64_t version_of_all_named(std::string_view model) const;
    /// Of the stored prices of just this model.
    [[nodiscard]] std::int64_t version_of(std::string_view model) const;
    /// The one of each vendor and model that holds at `time`, sorted by vendor and model.
    [[nodiscard]] std::vector<const Tariff*> current(UnixMicros time) const;
    /// The one that wins among those of the same vendor and model at `time`.
    [[nodiscard]] const Tariff* winner(std::string_view vendor, std::string_view model, UnixMicros time) const;

    /// The one that is stored under the same origin, vendor, model and date; null when there is none.
    [[nodiscard]] const Tariff* stored(const Tariff& like) const;
    /// Imported from a list of the same source for a time after `now`, for a model that the list names, at a date that
    /// it does not name.
    [[nodiscard]] std::vector<const Tariff*> announced(UnixMicros now, const ImportedPrices& list) const;
    /// The imported one among those of the same vendor and model at `time`.
    [[nodiscard]] const Tariff* imported(std::string_view vendor, std::string_view model, UnixMicros time) const;

private:
    struct Key {
        std::string_view vendor;
        std::string_view name;
        bool operator==(const Key&) const = default;
    };
    struct KeyHash {
        std::size_t operator()(const Key& key) const {
            return std::hash<std::string_view>()(key.name) * 31 + std::hash<std::string_view>()(key.vendor);
        }
    };
    // Winning order: later origins first, then later dates.
    using Bucket = std::vector<const Tariff*>;

    void add(const Tariff& tariff);
    [[nodiscard]] const Tariff* lookup(std::string_view vendor, std::string_view name, UnixMicros time) const;
    [[nodiscard]] const Tariff* find_in(std::string_view vendor, std::string_view name, UnixMicros time) const;

    std::shared_ptr<const std::vector<Tariff>> builtin_;
    std::vector<Tariff> stored_;
    Versions versions_;
    std::unordered_map<Key, Bucket, KeyHash> index_;  // views into the tariffs above
    bool has_provider_prices_ = false;
};

/// Whether what was served has a price of its own: the tier, the speed and the region.
bool has_service(const Tariff& tariff, const Usage& usage);

/// What `usage` costs under `tariff`. Empty when a class with a count has no price, or the service tier has none; but
/// searches without a price are named in it.
std::optional<Cost> cost_of(const Tariff& tariff, const Usage& usage);

}  // namespace lurus::billing
