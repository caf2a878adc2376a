#pragma once
// Port: tariffs. What a usage costs at a moment, by dated facts.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lurus/api.hpp"
#include "lurus/clock.hpp"
#include "lurus/money.hpp"
#include "lurus/result.hpp"
#include "lurus/usage.hpp"

namespace lurus {

/// One usage class of one request. The request's cost is the sum of its lines.
struct CostLine {
    std::string_view what;  // `input`, `cache_read`, `cache_write_5m`, `output`, `image`, `web_search` ...
    std::int64_t units = 0;
    Price price;  // after tier and service multipliers
    Money cost;   // units x price, rounded half-even once
};

struct Cost {
    Money total;
    std::string_view
        tariff;  // which entry, such as `anthropic/claude-sonnet-4-5@2025-09-29`; lives as long as the snapshot
    std::vector<CostLine> lines;
    std::vector<std::string_view> unpriced;  // pieces that have no price, such as `web_search`: not in the total
};

struct PriceQuery {
    std::string_view provider_kind;  // the preset: `anthropic`, `openai` ...; prices of that kind win
    std::string_view provider;       // the provider's name: an override for it wins over the kind's
    std::string_view upstream_model;
    UnixMicros time = 0;
};

/// All prices at one moment. Immutable, any thread.
class TariffSnapshot {
public:
    virtual ~TariffSnapshot() = default;
    /// Of one run of a model: `usage.parts` is not looked at. Empty when the model has no price, or a class of tokens
    /// with a count above zero has none: unpriced is not free. Searches without a price are named in the answer.
    [[nodiscard]] virtual std::optional<Cost> price(const PriceQuery& query, const Usage& usage) const = 0;
};

struct BillingSettings {
    std::string builtin_prices;  // config/prices.json, embedded in the binary
};

class PriceStore;

/// Any thread.
class Billing {
public:
    virtual ~Billing() = default;
    [[nodiscard]] virtual std::shared_ptr<const TariffSnapshot> snapshot() const = 0;
    /// Reads LiteLLM's `model_prices_and_context_window.json` or genai-prices' `data.json`, told apart by their shape.
    /// Returns how many models were taken; those with an odd price are left out. Blocks on the database.
    virtual Result<int> import_prices(std::string_view json, UnixMicros effective_from) = 0;
    /// Takes over what another process changed. Blocks on the database.
    virtual Result<void> refresh() = 0;
    /// Called after every change, on the thread that made it or found it.
    virtual void on_change(std::function<void()> callback) = 0;
    /// `/api/v1/prices`, `/api/v1/prices/{model}`, `/api/v1/prices/import`.
    [[nodiscard]] virtual std::vector<ApiRoute> api() = 0;
};

/// `store` and `clock` outlive it.
Result<std::unique_ptr<Billing>> make_billing(const BillingSettings& settings, PriceStore& store, const Clock& clock);

}  // namespace lurus
