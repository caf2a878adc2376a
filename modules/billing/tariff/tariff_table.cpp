#include "modules/billing/tariff/tariff_table.hpp"

#include <algorithm>
#include <set>
#include <tuple>

#include "core/text/ascii.hpp"
#include "modules/billing/tariff/model_name.hpp"

namespace lurus::billing {
namespace {

constexpr std::string_view any_maker = "*";
constexpr std::string_view provider_vendor = "provider:";
constexpr std::size_t longest_name = 256;

bool wins_over(const Tariff* a, const Tariff* b) {
    if (a->origin != b->origin) return a->origin > b->origin;
    if (a->from != b->from) return a->from > b->from;
    return a->hours.has_value() && !b->hours.has_value();
}

}  // namespace

TariffTable::TariffTable(std::shared_ptr<const std::vector<Tariff>> builtin, std::vector<Tariff> stored,
                         Versions versions)
    : builtin_(std::move(builtin)), stored_(std::move(stored)), versions_(std::move(versions)) {
    index_.reserve((builtin_->size() + stored_.size()) * 3);
    for (const auto& tariff : *builtin_) add(tariff);
    for (const auto& tariff : stored_) add(tariff);
    for (auto& [key, bucket] : index_) std::ranges::stable_sort(bucket, wins_over);
}

void TariffTable::add(const Tariff& tariff) {
    if (tariff.vendor.starts_with(provider_vendor)) has_provider_prices_ = true;
    const auto put = [&](std::string_view name) {
        auto& bucket = index_[Key{tariff.vendor, name}];
        if (std::ranges::find(bucket, &tariff) == bucket.end()) bucket.push_back(&tariff);
        if (maker_rank(tariff.vendor) < 0) return;
        auto& anyone = index_[Key{any_maker, name}];
        // One maker only: which one must not depend on dates.
        if (!anyone.empty() && maker_rank(tariff.vendor) < maker_rank(anyone.front()->vendor)) anyone.clear();
        if (anyone.empty() || anyone.front()->vendor == tariff.vendor) {
            if (std::ranges::find(anyone, &tariff) == anyone.end()) anyone.push_back(&tariff);
        }
    };
    put(tariff.model);
    for (const auto& alias : tariff.aliases) put(alias);
}

const Tariff* TariffTable::lookup(std::string_view vendor, std::string_view name, UnixMicros time) const {
    const auto at = index_.find(Key{vendor, name});
    if (at == index_.end()) return nullptr;
    const auto tariff = std::ranges::find_if(at->second, [&](const Tariff* t) { return t->applies_at(time); });
    return tariff == at->second.end() ? nullptr : *tariff;
}

const Tariff* TariffTable::find_in(std::string_view vendor, std::string_view name, UnixMicros time) const {
    if (const auto* tariff = lookup(vendor, name, time)) return tariff;
    const auto said = split_vendor(name);
    if (said.vendor.empty() || (vendor != said.vendor && vendor != any_maker && !vendor.starts_with(provider_vendor))) {
        const auto plain = without_snapshot(name);
        return plain.size() == name.size() ? nullptr : lookup(vendor, plain, time);
    }
    const std::string_view owner = vendor == any_maker ? said.vendor : vendor;
    if (const auto* tariff = lookup(owner, said.name, time)) return tariff;
    if (const auto* tariff = lookup(vendor, without_snapshot(name), time)) return tariff;
    return lookup(owner, without_snapshot(said.name), time);
}

const Tariff* TariffTable::find(const PriceQuery& query) const {
    if (query.upstream_model.empty() || query.upstream_model.size() > longest_name) return nullptr;
    const std::string name = lower_case(query.upstream_model);
    if (has_provider_prices_ && !query.provider.empty()) {
        const std::string vendor = std::string(provider_vendor) + std::string(query.provider);
        if (const auto* tariff = find_in(vendor, name, query.time)) return tariff;
    }
    const auto sources = sources_for(query.provider_kind);
    for (const auto vendor : {sources.first, sources.second}) {
        if (vendor.empty()) continue;
        if (const auto* tariff = find_in(vendor, name, query.time)) return tariff;
    }
    return sources.any_maker ? find_in(any_maker, name, query.time) : nullptr;
}

std::optional<Cost> TariffTable::price(const PriceQuery& query, const Usage& usage) const {
    const Tariff* tariff = find(query);
    if (tariff == nullptr) return std::nullopt;
    return cost_of(*tariff, usage);
}

std::vector<const Tariff*> TariffTable::all_named(std::string_view model) const {
    std::set<std::string_view> vendors;
    for (const auto* list : {builtin_.get(), &stored_}) {
        for (const auto& tariff : *list) vendors.insert(tariff.vendor);
    }
    std::vector<const Tariff*> found;
    const std::string whole = lower_case(model);
    const auto take = [&](std::string_view vendor, std::string_view name) {
        const auto at = index_.find(Key{vendor, name});
        if (at == index_.end()) return false;
        found.insert(found.end(), at->second.begin(), at->second.end());
        return true;
    };
    for (const auto vendor : vendors) {
        // `vendor/model` names exactly one entry, also where the vendor's models have slashes of their own.
        if (whole.starts_with(vendor) && whole.size() > vendor.size() && whole[vendor.size()] == '/') {
            const auto rest = std::string_view(whole).substr(vendor.size() + 1);
            if (take(vendor, rest) || take(vendor, without_snapshot(rest))) continue;
        }
        if (take(vendor, whole)) continue;
        const auto said = split_vendor(whole);
        if (said.vendor == vendor && (take(vendor, said.name) || take(vendor, without_snapshot(said.name)))) continue;
        take(vendor, without_snapshot(whole));
    }
    return found;
}

// Which names those are must not depend on what is stored: the sum rises with each of them, and never comes back.
std::int64_t TariffTable::version_of_all_named(std::string_view model) const {
    const std::string whole = lower_case(model);
    std::set<std::string_view> names;
    for (std::string_view name = whole;;) {
        names.insert(name);
        names.insert(without_snapshot(name));
        const auto slash = name.find('/');
        if (slash == name.npos) break;
        name.remove_prefix(slash + 1);
    }
    std::int64_t sum = 0;
    for (const auto name : names) sum += version_of(name);
    return sum;
}

std::int64_t TariffTable::version_of(std::string_view model) const {
    const auto at = versions_.find(model);
    return at == versions_.end() ? 0 : at->second;
}

std::vector<const Tariff*> TariffTable::current(UnixMicros time) const {
    std::vector<const Tariff*> found;
    for (const auto* list : {builtin_.get(), &stored_}) {
        for (const auto& tariff : *list) {
            if (winner(tariff.vendor, tariff.model, time) == &tariff) found.push_back(&tariff);
        }
    }
    std::ranges::sort(
        found, {}, [](const Tariff* t) { return std::pair<std::string_view, std::string_view>(t->vendor, t->model); });
    return found;
}

const Tariff* TariffTable::winner(std::string_view vendor, std::string_view model, UnixMicros time) const {
    return lookup(vendor, model, time);
}

const Tariff* TariffTable::stored(const Tariff& like) const {
    const auto at = index_.find(Key{like.vendor, like.model});
    if (at == index_.end()) return nullptr;
    const auto same = std::ranges::find_if(at->second, [&](const Tariff* t) {
        return t->version != 0 && t->origin == like.origin && t->model == like.model && t->from == like.from;
    });
    return same == at->second.end() ? nullptr : *same;
}

std::vector<const Tariff*> TariffTable::announced(UnixMicros now, const ImportedPrices& list) const {
    std::vector<const Tariff*> found;
    if (list.tariffs.empty()) return found;
    std::set<std::pair<std::string_view, std::string_view>> models;
    std::set<std::tuple<std::string_view, std::string_view, UnixMicros>> dates;
    for (const Tariff& tariff : list.tariffs) {
        models.emplace(tariff.vendor, tariff.model);
        dates.emplace(tariff.vendor, tariff.model, tariff.from);
    }
    for (const Tariff& tariff : stored_) {
        if (tariff.origin == Origin::imported && tariff.from > now && tariff.source == list.tariffs.front().source &&
            models.contains({tariff.vendor, tariff.model}) &&
            !dates.contains({tariff.vendor, tariff.model, tariff.from}))
            found.push_back(&tariff);
    }
    return found;
}

const Tariff* TariffTable::imported(std::string_view vendor, std::string_view model, UnixMicros time) const {
    const auto at = index_.find(Key{vendor, model});
    if (at == index_.end()) return nullptr;
    const auto tariff = std::ranges::find_if(
        at->second, [&](const Tariff* t) { return t->origin == Origin::imported && t->applies_at(time); });
    return tariff == at->second.end() ? nullptr : *tariff;
}

}  // namespace lurus::billing
