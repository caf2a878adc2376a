#include "lurus/billing.hpp"

#include "modules/billing/tariff/litellm.hpp"
#include "modules/billing/tariff/price_file.hpp"
#include "modules/billing/tariff/prices.hpp"

namespace lurus {
namespace billing {

Prices::Prices(const Clock& clock, std::unique_ptr<PriceStore> store, std::vector<Tariff> builtin,
               std::vector<Tariff> stored)
    : clock_(clock),
      builtin_(std::make_shared<const std::vector<Tariff>>(std::move(builtin))),
      store_(std::move(store)),
      table_(std::make_shared<const TariffTable>(builtin_, std::move(stored))) {}

std::shared_ptr<const TariffTable> Prices::table() const {
    const std::scoped_lock lock(table_mutex_);
    return table_;
}

std::shared_ptr<const TariffSnapshot> Prices::snapshot() const {
    return table();
}

Result<int> Prices::import_litellm(std::string_view json, UnixMicros effective_from) {
    const auto counts = take_litellm(json, effective_from);
    if (!counts) return std::unexpected(counts.error());
    return counts->models;
}

Result<ImportCounts> Prices::take_litellm(std::string_view json, UnixMicros effective_from) {
    const auto tariffs = read_litellm(json, effective_from);
    if (!tariffs) return std::unexpected(tariffs.error());
    ImportCounts counts;
    counts.models = static_cast<int>(tariffs->size());
    {
        const std::scoped_lock lock(change_mutex_);
        const auto before = table();
        std::vector<const Tariff*> changed;
        for (const auto& tariff : *tariffs) {
            // What an import already says for that time stays as it is: importing the same file again changes nothing.
            const Tariff* known = before->imported(tariff.vendor, tariff.model, effective_from);
            if (known == nullptr || known->services != tariff.services) changed.push_back(&tariff);
        }
        counts.changed = static_cast<int>(changed.size());
        if (changed.empty()) return counts;
        if (auto ok = store_->put(changed, clock_.now()); !ok) return std::unexpected(ok.error());
        if (auto ok = reload(); !ok) return std::unexpected(ok.error());
    }
    notify();
    return counts;
}

Result<void> Prices::put_override(Tariff tariff) {
    {
        const std::scoped_lock lock(change_mutex_);
        if (auto ok = store_->put({&tariff}, clock_.now()); !ok) return ok;
        if (auto ok = reload(); !ok) return ok;
    }
    notify();
    return {};
}

Result<void> Prices::remove_override(const std::string& vendor, const std::string& model) {
    {
        const std::scoped_lock lock(change_mutex_);
        if (auto ok = store_->remove_override(vendor, model); !ok) return ok;
        if (auto ok = reload(); !ok) return ok;
    }
    notify();
    return {};
}

void Prices::on_change(std::function<void()> callback) {
    const std::scoped_lock lock(table_mutex_);
    callbacks_.push_back(std::move(callback));
}

std::vector<ApiRoute> Prices::api() {
    return price_routes(*this);
}

// Under change_mutex_.
Result<void> Prices::reload() {
    auto stored = store_->load();
    if (!stored) return std::unexpected(stored.error());
    auto next = std::make_shared<const TariffTable>(builtin_, *std::move(stored));
    const std::scoped_lock lock(table_mutex_);
    table_.swap(next);
    return {};
}

// Outside every lock: a callback may ask for the snapshot.
void Prices::notify() {
    std::vector<std::function<void()>> callbacks;
    {
        const std::scoped_lock lock(table_mutex_);
        callbacks = callbacks_;
    }
    for (const auto& callback : callbacks) callback();
}

}  // namespace billing

Result<std::unique_ptr<Billing>> make_billing_sqlite(const BillingSettings& settings, const Clock& clock) {
    auto builtin = billing::read_price_file(settings.builtin_prices);
    if (!builtin) return std::unexpected(builtin.error());
    auto store = billing::open_price_store_sqlite(settings.file);
    if (!store) return std::unexpected(store.error());
    auto stored = (*store)->load();
    if (!stored) return std::unexpected(stored.error());
    return std::make_unique<billing::Prices>(clock, *std::move(store), *std::move(builtin), *std::move(stored));
}

}  // namespace lurus
