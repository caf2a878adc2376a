#include "lurus/billing.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "modules/billing/tariff/imported.hpp"
#include "modules/billing/tariff/price_file.hpp"
#include "modules/billing/tariff/prices.hpp"

namespace lurus {
namespace billing {
namespace {

/// `replaced` is the one that is stored in its stead; null = none is.
StoredPrice stored_price(const Tariff& tariff, const Tariff* replaced) {
    StoredPrice price;
    price.own = tariff.origin == Origin::own;
    price.vendor = tariff.vendor;
    price.model = tariff.model;
    price.from = tariff.from;
    price.until = tariff.until;
    price.source = tariff.source;
    price.rates = rates_json(tariff.services).dump();
    price.version = replaced == nullptr ? 0 : replaced->version;
    return price;
}

Result<Tariff> tariff_from(const StoredPrice& price) {
    Tariff tariff;
    tariff.origin = price.own ? Origin::own : Origin::imported;
    tariff.vendor = price.vendor;
    tariff.model = price.model;
    tariff.from = price.from;
    tariff.until = price.until;
    tariff.source = price.source;
    tariff.version = price.version;
    auto services = services_from(price.rates);
    if (!services)
        return fail(ErrorCode::corrupt, "price " + price.vendor + "/" + price.model + ": " + services.error().message);
    tariff.services = *std::move(services);
    if (auto ok = complete(tariff); !ok) return fail(ErrorCode::corrupt, ok.error().message);
    return tariff;
}

Error stale_prices(const std::string& model) {
    return Error(ErrorCode::stale, "the prices of `" + model + "` were changed meanwhile; read them again");
}

}  // namespace

Prices::Prices(const Clock& clock, PriceStore& store, std::vector<Tariff> builtin)
    : clock_(clock),
      builtin_(std::make_shared<const std::vector<Tariff>>(std::move(builtin))),
      store_(store),
      table_(std::make_shared<const TariffTable>(builtin_, std::vector<Tariff>())) {}

std::shared_ptr<const TariffTable> Prices::table() const {
    const std::scoped_lock lock(table_mutex_);
    return table_;
}

std::shared_ptr<const TariffSnapshot> Prices::snapshot() const {
    return table();
}

Result<int> Prices::import_prices(std::string_view json, UnixMicros effective_from) {
    const auto counts = take_import(json, effective_from);
    if (!counts) return std::unexpected(counts.error());
    return counts->models;
}

Result<ImportCounts> Prices::take_import(std::string_view json, UnixMicros effective_from) {
    auto read = read_imported(json, effective_from);
    if (!read) return std::unexpected(read.error());
    ImportCounts counts;
    counts.models = read->models;
    counts.skipped = std::move(read->skipped);
    const auto done = store_and_reload([&]() -> Result<void> {
        const auto before = table();
        std::vector<StoredPrice> changed, withdrawn;
        std::set<const Tariff*> gone;
        if (read->dated) {
            for (const Tariff* announced : before->announced(std::max(clock_.now(), effective_from), *read)) {
                withdrawn.push_back(stored_price(*announced, announced));
                gone.insert(announced);
            }
        }
        for (const auto& tariff : read->tariffs) {
            // What an import already says for that time stays as it is: importing the same file again changes nothing.
            const Tariff* known = before->imported(tariff.vendor, tariff.model, tariff.from);
            if (known != nullptr && known->services == tariff.services && !gone.contains(known)) continue;
            changed.push_back(stored_price(tariff, before->stored(tariff)));
        }
        counts.changed = static_cast<int>(changed.size());
        counts.withdrawn = static_cast<int>(withdrawn.size());
        if (changed.empty() && withdrawn.empty()) return {};
        return store_.put(changed, clock_.now(), withdrawn);
    });
    if (!done) return std::unexpected(done.error());
    return counts;
}

Result<void> Prices::withdraw(Origin origin, const std::string& vendor, const std::string& model, UnixMicros from,
                              std::optional<std::int64_t> wanted) {
    return store_and_reload([&]() -> Result<void> {
        Tariff like;
        like.origin = origin;
        like.vendor = vendor;
        like.model = model;
        like.from = from;
        const Tariff* announced = table()->stored(like);
        if (announced == nullptr)
            return fail(ErrorCode::not_found, "no price of `" + vendor + "/" + model + "` is announced from " +
                                                  format_time(from) + " on; `lurus prices show " + model +
                                                  "` lists them");
        if (from <= clock_.now())
            return fail(ErrorCode::invalid_argument, "that price is in force since " + format_time(from) +
                                                         " and explains what was billed since; set another one from "
                                                         "now on");
        const auto of_model = version_to_change(model, wanted);
        if (!of_model) return std::unexpected(of_model.error());
        return store_.put({}, clock_.now(), {stored_price(*announced, announced)});
    });
}

Result<std::optional<std::int64_t>> Prices::version_to_change(const std::string& model,
                                                              std::optional<std::int64_t> wanted) const {
    if (!wanted) return std::nullopt;
    const auto now = table();
    if (now->version_of_all_named(model) != *wanted) return std::unexpected(stale_prices(model));
    return now->version_of(model);
}

Result<std::int64_t> Prices::put_override(Tariff tariff, std::optional<std::int64_t> wanted) {
    std::int64_t shown = 0;
    const auto done = store_and_reload([&]() -> Result<void> {
        const auto before = table();
        const auto of_model = version_to_change(tariff.model, wanted);
        if (!of_model) return std::unexpected(of_model.error());
        const auto version = store_.put_own(stored_price(tariff, before->stored(tariff)), *of_model, clock_.now());
        // Another process may have been faster after this one had looked.
        if (!version && wanted && version.error().code == ErrorCode::conflict)
            return std::unexpected(stale_prices(tariff.model));
        if (!version) return std::unexpected(version.error());
        shown = before->version_of_all_named(tariff.model) - before->version_of(tariff.model) + *version;
        return {};
    });
    if (!done) return std::unexpected(done.error());
    return shown;
}

Result<void> Prices::remove_override(const std::string& vendor, const std::string& model,
                                     std::optional<std::int64_t> wanted) {
    return store_and_reload([&]() -> Result<void> {
        const auto of_model = version_to_change(model, wanted);
        if (!of_model) return std::unexpected(of_model.error());
        auto done = store_.remove_own(vendor, model, *of_model);
        if (!done && wanted && done.error().code == ErrorCode::conflict) return std::unexpected(stale_prices(model));
        return done;
    });
}

Result<void> Prices::refresh() {
    return store_and_reload([] { return Result<void>(); });
}

void Prices::on_change(std::function<void()> callback) {
    const std::scoped_lock lock(table_mutex_);
    callbacks_.push_back(std::move(callback));
}

std::vector<ApiRoute> Prices::api() {
    return price_routes(*this);
}

// What others changed meanwhile counts before and after it. Whoever listens is told when the table is another one.
Result<void> Prices::store_and_reload(const std::function<Result<void>()>& change) {
    Result<void> done;
    bool another = false;
    {
        const std::scoped_lock lock(change_mutex_);
        auto before = reload();
        if (!before) return std::unexpected(before.error());
        done = change();
        auto after = reload();
        if (!after) done = std::unexpected(after.error());
        another = *before || (after && *after);
    }
    if (another) notify();
    return done;
}

// Under change_mutex_. True when the store had changed.
Result<bool> Prices::reload() {
    // Asked first: what is changed while the prices are read is read again the next time.
    const auto head = store_.changes().head();
    if (!head) return std::unexpected(head.error());
    if (*head == seen_) return false;
    auto rows = store_.all();
    if (!rows) return std::unexpected(rows.error());
    std::vector<Tariff> stored;
    for (const StoredPrice& row : rows->prices) {
        auto tariff = tariff_from(row);
        if (!tariff) return std::unexpected(tariff.error());
        stored.push_back(*std::move(tariff));
    }
    auto next = std::make_shared<const TariffTable>(builtin_, std::move(stored), std::move(rows->versions));
    seen_ = *head;
    const std::scoped_lock lock(table_mutex_);
    table_.swap(next);
    return true;
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

Result<std::unique_ptr<Billing>> make_billing(const BillingSettings& settings, PriceStore& store, const Clock& clock) {
    auto builtin = billing::read_price_file(settings.builtin_prices);
    if (!builtin) return std::unexpected(builtin.error());
    auto prices = std::make_unique<billing::Prices>(clock, store, *std::move(builtin));
    if (auto loaded = prices->refresh(); !loaded) return std::unexpected(loaded.error());
    return prices;
}

}  // namespace lurus
