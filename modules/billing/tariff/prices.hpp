#pragma once
// Built-in, imported and own prices as one table.

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lurus/billing.hpp"
#include "lurus/store/prices.hpp"
#include "modules/billing/tariff/imported.hpp"
#include "modules/billing/tariff/tariff_table.hpp"

namespace lurus::billing {

struct ImportCounts {
    int models = 0;     // taken from the file
    int changed = 0;    // new, or at another price than before
    int withdrawn = 0;  // announced by an earlier file of that kind, and not by this one
    std::vector<SkippedModel> skipped;
};

/// Any thread. Changes are serialised; table() waits for no database.
class Prices final : public Billing {
public:
    Prices(const Clock& clock, PriceStore& store, std::vector<Tariff> builtin);

    std::shared_ptr<const TariffSnapshot> snapshot() const override;
    Result<int> import_prices(std::string_view json, UnixMicros effective_from) override;
    Result<void> refresh() override;
    void on_change(std::function<void()> callback) override;
    std::vector<ApiRoute> api() override;

    [[nodiscard]] std::shared_ptr<const TariffTable> table() const;
    Result<ImportCounts> take_import(std::string_view json, UnixMicros effective_from);
    /// The operator's own price; `tariff` is complete() and of origin `override`. `wanted` is the version of all that
    /// is shown under the model's name: `stale` when it is another one. The new one.
    Result<std::int64_t> put_override(Tariff tariff, std::optional<std::int64_t> wanted);
    Result<void> remove_override(const std::string& vendor, const std::string& model,
                                 std::optional<std::int64_t> wanted);
    /// Takes back an own or imported price that is announced from `from` on. `invalid_argument` once it is in force.
    Result<void> withdraw(Origin origin, const std::string& vendor, const std::string& model, UnixMicros from,
                          std::optional<std::int64_t> wanted);
    [[nodiscard]] const Clock& clock() const { return clock_; }

private:
    Result<bool> reload();
    /// What the store is to compare a change of the model's prices with.
    [[nodiscard]] Result<std::optional<std::int64_t>> version_to_change(const std::string& model,
                                                                        std::optional<std::int64_t> wanted) const;
    Result<void> store_and_reload(const std::function<Result<void>()>& change);
    void notify();

    const Clock& clock_;
    const std::shared_ptr<const std::vector<Tariff>> builtin_;

    std::mutex change_mutex_;  // one change or reload at a time
    PriceStore& store_;
    std::int64_t seen_ = -1;  // of the store's changes

    mutable std::mutex table_mutex_;  // guards table_, callbacks_
    std::shared_ptr<const TariffTable> table_;
    std::vector<std::function<void()>> callbacks_;
};

/// The management API over `prices`, which must outlive the routes.
std::vector<ApiRoute> price_routes(Prices& prices);

}  // namespace lurus::billing
