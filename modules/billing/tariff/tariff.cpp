#include "modules/billing/tariff/tariff.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace lurus::billing {

std::optional<Class> class_from(std::string_view name) {
    const auto at = std::ranges::find(class_names, name);
    if (at == class_names.end()) return std::nullopt;
    return static_cast<Class>(at - class_names.begin());
}

std::string_view name_of(Origin origin) {
    switch (origin) {
        case Origin::builtin: return "builtin";
        case Origin::imported: return "import";
        case Origin::own: return "override";
    }
    return "builtin";
}

bool Hours::contain(UnixMicros time) const {
    constexpr std::int64_t minute = 60'000'000, day = 1440 * minute;
    const std::int64_t days = time / day - (time % day < 0 ? 1 : 0);
    const auto weekday = static_cast<unsigned>(((days + 3) % 7 + 7) % 7);  // the epoch was a Thursday
    const auto now = static_cast<int>((time - days * day) / minute);
    return (weekdays >> weekday & 1) != 0 &&
           std::ranges::any_of(windows, [&](const Window& w) { return w.from_minute <= now && now < w.to_minute; });
}

bool Rates::empty() const {
    return std::ranges::all_of(pico, [](auto price) { return price == none; });
}

const Service* Tariff::service(std::string_view name) const {
    const auto at = std::ranges::find(services, name, &Service::name);
    return at == services.end() ? nullptr : &*at;
}

Result<void> complete(Tariff& tariff) {
    const std::string who = tariff.vendor + "/" + tariff.model;
    std::ranges::stable_sort(tariff.services, {},
                             [](const Service& s) { return std::pair(s.name != "standard", s.name); });
    if (tariff.services.empty()) return fail(ErrorCode::invalid_argument, who + ": no price");
    Rates pieces;
    if (const auto* standard = tariff.service("standard"); standard != nullptr && !standard->tiers.empty()) {
        pieces = std::ranges::min(standard->tiers, {}, &Tier::above).rates;
    }
    for (auto& service : tariff.services) {
        std::ranges::sort(service.tiers, {}, &Tier::above);
        if (service.tiers.empty() || service.tiers.front().above != 0 || service.tiers.front().rates.empty()) {
            return fail(ErrorCode::invalid_argument, who + ": `" + service.name + "` has no price for short requests");
        }
        for (std::size_t i = 1; i < service.tiers.size(); ++i) {
            if (service.tiers[i].above != service.tiers[i - 1].above) continue;
            return fail(ErrorCode::invalid_argument,
                        who + ": `" + service.name + "` has two prices above the same count");
        }
        for (auto& tier : service.tiers) {
            for (const Class c : {Class::image, Class::web_search, Class::audio_second}) {
                if (!tier.rates.has(c)) tier.rates.set(c, pieces.of(c));
            }
        }
    }
    tariff.label =
        who + "@" + format_time(tariff.from).substr(0, 10) + (tariff.hours ? "/" + tariff.hours->name : std::string());
    return {};
}

nlohmann::ordered_json rates_json(const std::vector<Service>& services) {
    auto out = nlohmann::ordered_json::object();
    for (const auto& service : services) {
        auto& tiers = out[service.name] = nlohmann::ordered_json::array();
        for (const auto& tier : service.tiers) {
            auto prices = nlohmann::ordered_json::object();
            for (std::size_t i = 0; i < class_count; ++i) {
                if (tier.rates.pico[i] != Rates::none) prices[std::string(class_names[i])] = tier.rates.pico[i];
            }
            nlohmann::ordered_json one;
            one["above_input_tokens"] = tier.above;
            one["pico_usd"] = std::move(prices);
            tiers.push_back(std::move(one));
        }
    }
    return out;
}

Result<std::vector<Service>> services_from(std::string_view json) {
    const auto damaged = [] { return fail(ErrorCode::corrupt, "stored rates are not what this program writes"); };
    const auto parsed = nlohmann::ordered_json::parse(json, nullptr, false);
    if (!parsed.is_object()) return damaged();
    std::vector<Service> services;
    for (const auto& [name, tiers] : parsed.items()) {
        if (!tiers.is_array()) return damaged();
        Service service;
        service.name = name;
        for (const auto& one : tiers) {
            if (!one.is_object() || !one.contains("above_input_tokens") || !one.contains("pico_usd")) return damaged();
            if (!one["above_input_tokens"].is_number_integer() || !one["pico_usd"].is_object()) return damaged();
            Tier tier;
            tier.above = one["above_input_tokens"].get<std::int64_t>();
            for (const auto& [what, price] : one["pico_usd"].items()) {
                const auto c = class_from(what);
                if (!c || !price.is_number_integer() || price.get<std::int64_t>() < 0) return damaged();
                tier.rates.set(*c, price.get<std::int64_t>());
            }
            service.tiers.push_back(tier);
        }
        services.push_back(std::move(service));
    }
    return services;
}

}  // namespace lurus::billing
