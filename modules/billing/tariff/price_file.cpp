#include "modules/billing/tariff/price_file.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "core/text/ascii.hpp"
#include "modules/billing/tariff/decimal.hpp"

namespace lurus::billing {
namespace {

using nlohmann::json;

// Powers of ten from what the file says to pico-US-dollars per unit: tokens per million, searches per thousand, images
// each, sound per minute.
int power_of(Class c) {
    if (c == Class::image || c == Class::audio_second) return 12;
    if (c == Class::web_search) return 9;
    return 6;
}

Result<Rates> read_prices(const json& prices) {
    Rates rates;
    for (const auto& [name, text] : prices.items()) {
        const auto c = class_from(name);
        if (!c) return fail(ErrorCode::invalid_argument, "`" + name + "` is no usage class");
        if (!text.is_string())
            return fail(ErrorCode::invalid_argument,
                        "the price of `" + name + "` must be decimal text such as \"0.30\"");
        const auto& decimal = text.get_ref<const std::string&>();
        const auto pico = scaled_decimal(decimal, power_of(*c));
        if (!pico) return fail(ErrorCode::invalid_argument, "`" + decimal + "` is not a price for `" + name + "`");
        // Half-even matters to nobody here: what is rounded is a thousandth of a nano-dollar for each second.
        rates.set(*c, *c == Class::audio_second ? (*pico + 30) / 60 : *pico);
    }
    if (rates.empty()) return fail(ErrorCode::invalid_argument, "there is no price in it");
    return rates;
}

// Token prices × `times`; what is counted by the piece keeps its price.
Result<Service> multiplied(const Service& standard, const std::string& name, const json& times) {
    const auto millionths = times.is_string() ? scaled_decimal(times.get_ref<const std::string&>(), 6) : std::nullopt;
    if (!millionths || *millionths == 0)
        return fail(ErrorCode::invalid_argument, "`times` must be decimal text such as \"0.5\"");
    Service service = standard;
    service.name = name;
    for (auto& tier : service.tiers) {
        for (std::size_t i = 0; i < class_count; ++i) {
            auto& pico = tier.rates.pico[i];
            if (pico == Rates::none || is_per_piece(static_cast<Class>(i))) continue;
            if (pico > INT64_MAX / *millionths || pico * *millionths % 1'000'000 != 0) {
                return fail(ErrorCode::invalid_argument,
                            "`times` does not give whole pico-dollars; write the prices out");
            }
            pico = pico * *millionths / 1'000'000;
        }
    }
    return service;
}

Result<std::int64_t> threshold_of(std::string_view text) {
    std::int64_t above = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), above);
    if (error != std::errc() || end != text.data() + text.size() || above <= 0) {
        return fail(ErrorCode::invalid_argument, "`" + std::string(text) + "` is no count of tokens");
    }
    return above;
}

Result<std::string> text_in(const json& entry, const char* field) {
    const auto at = entry.find(field);
    if (at == entry.end() || !at->is_string() || at->get_ref<const std::string&>().empty()) {
        return fail(ErrorCode::invalid_argument, "`" + std::string(field) + "` is missing or not text");
    }
    return at->get<std::string>();
}

Result<UnixMicros> day_in(const json& entry, const char* field) {
    const auto text = text_in(entry, field);
    if (!text) return std::unexpected(text.error());
    const auto time = parse_time(*text);
    if (!time) return fail(ErrorCode::invalid_argument, "`" + std::string(field) + "` is not a date: " + *text);
    return *time;
}

std::optional<int> minute_of(std::string_view text) {
    if (text.size() != 5 || text[2] != ':') return std::nullopt;
    for (const std::size_t i : {0, 1, 3, 4}) {
        if (text[i] < '0' || text[i] > '9') return std::nullopt;
    }
    const int minute = ((text[0] - '0') * 10 + (text[1] - '0')) * 60 + (text[3] - '0') * 10 + (text[4] - '0');
    return minute <= 24 * 60 && text[3] < '6' ? std::optional(minute) : std::nullopt;
}

// `{"name":"peak","days":"mon-fri","utc":["01:00-04:00"]}`.
Result<Hours> read_hours(const json& object) {
    const auto wrong = [] {
        return fail(ErrorCode::invalid_argument,
                    "`hours` needs `name`, `days` (`mon-fri` or `mon-sun`) and `utc` (such as [\"01:00-04:00\"])");
    };
    if (!object.is_object() || object.size() != 3) return wrong();
    const auto name = text_in(object, "name");
    const auto days = text_in(object, "days");
    if (!name || !days || !object.contains("utc") || !object["utc"].is_array() || object["utc"].empty()) return wrong();
    Hours hours;
    hours.name = *name;
    if (*days != "mon-fri" && *days != "mon-sun") return wrong();
    hours.weekdays = *days == "mon-fri" ? 0x1f : 0x7f;
    for (const auto& window : object["utc"]) {
        if (!window.is_string()) return wrong();
        const std::string_view text = window.get_ref<const std::string&>();
        if (text.size() != 11 || text[5] != '-') return wrong();
        const auto from = minute_of(text.substr(0, 5)), to = minute_of(text.substr(6));
        if (!from || !to || *from >= *to) return wrong();
        hours.windows.push_back(Hours::Window{*from, *to});
    }
    return hours;
}

struct Source {
    std::string url;
    std::string checked;
};

Result<Tariff> read_entry(const json& entry, const std::map<std::string, Source>& sources) {
    Tariff tariff;
    static const std::set<std::string> known = {"vendor", "model", "aliases", "from", "until",
                                                "source", "note",  "hours",   "rates"};
    for (const auto& [name, value] : entry.items()) {
        if (!known.contains(name)) return fail(ErrorCode::invalid_argument, "`" + name + "` is no field of an entry");
    }
    const auto vendor = text_in(entry, "vendor");
    if (!vendor) return std::unexpected(vendor.error());
    tariff.vendor = *vendor;
    const auto model = text_in(entry, "model");
    if (!model) return std::unexpected(model.error());
    tariff.model = lower_case(*model);
    if (const auto at = entry.find("aliases"); at != entry.end()) {
        for (const auto& alias : *at) {
            if (!alias.is_string()) return fail(ErrorCode::invalid_argument, "`aliases` must be an array of names");
            tariff.aliases.push_back(lower_case(alias.get<std::string>()));
        }
    }
    const auto from = day_in(entry, "from");
    if (!from) return std::unexpected(from.error());
    tariff.from = *from;
    if (entry.contains("until")) {
        const auto until = day_in(entry, "until");
        if (!until) return std::unexpected(until.error());
        if (*until <= *from) return fail(ErrorCode::invalid_argument, "`until` is not after `from`");
        tariff.until = *until;
    }
    if (entry.contains("hours")) {
        auto hours = read_hours(entry["hours"]);
        if (!hours) return std::unexpected(hours.error());
        tariff.hours = *std::move(hours);
    }
    const auto source = text_in(entry, "source");
    if (!source) return std::unexpected(source.error());
    const auto found = sources.find(*source);
    if (found == sources.end()) return fail(ErrorCode::invalid_argument, "`" + *source + "` is not among the sources");
    tariff.source = found->second.url;
    tariff.checked = found->second.checked;
    if (!entry.contains("rates")) return fail(ErrorCode::invalid_argument, "`rates` is missing");
    auto services = read_rates(entry["rates"]);
    if (!services) return std::unexpected(services.error());
    tariff.services = *std::move(services);
    if (auto ok = complete(tariff); !ok) return std::unexpected(ok.error());
    return tariff;
}

std::string name_for_errors(const json& entry, std::size_t index) {
    const auto model = entry.is_object() ? entry.value("model", json()) : json();
    return "prices[" + std::to_string(index) + "]" +
           (model.is_string() ? " (" + model.get<std::string>() + ")" : std::string());
}

}  // namespace

Result<std::vector<Service>> read_rates(const json& rates) {
    if (!rates.is_object()) return fail(ErrorCode::invalid_argument, "`rates` must be an object of service tiers");
    std::map<std::string, Service> services;
    for (const auto& [name, prices] : rates.items()) {
        const auto mark = name.find('>');
        const bool unpriced = prices.is_null() && mark != name.npos;
        if (!prices.is_object() && !unpriced) {
            return fail(ErrorCode::invalid_argument, "`" + name + "` must be an object of prices");
        }
        if (prices.contains("times")) continue;
        Tier tier;
        if (mark != name.npos) {
            const auto above = threshold_of(std::string_view(name).substr(mark + 1));
            if (!above) return std::unexpected(above.error());
            tier.above = *above;
        }
        const auto read = unpriced ? Result<Rates>(Rates()) : read_prices(prices);
        if (!read) return fail(ErrorCode::invalid_argument, "`" + name + "`: " + read.error().message);
        tier.rates = *read;
        auto& service = services[name.substr(0, mark)];
        service.name = name.substr(0, mark);
        service.tiers.push_back(tier);
    }
    for (const auto& [name, prices] : rates.items()) {
        if (!prices.contains("times")) continue;
        const auto standard = services.find("standard");
        if (prices.size() != 1 || standard == services.end()) {
            return fail(ErrorCode::invalid_argument, "`" + name + "`: `times` stands alone and multiplies `standard`");
        }
        auto service = multiplied(standard->second, name, prices["times"]);
        if (!service) return fail(ErrorCode::invalid_argument, "`" + name + "`: " + service.error().message);
        services[name] = *std::move(service);
    }
    std::vector<Service> out;
    for (auto& [name, service] : services) out.push_back(std::move(service));
    return out;
}

Result<std::vector<Tariff>> read_price_file(std::string_view text) {
    json file;
    try {
        file = json::parse(text);
    } catch (const json::parse_error& e) {
        return fail(ErrorCode::invalid_argument, "prices: not JSON at byte " + std::to_string(e.byte));
    }
    if (!file.is_object() || !file.contains("sources") || !file.contains("prices") || !file["sources"].is_object() ||
        !file["prices"].is_array()) {
        return fail(ErrorCode::invalid_argument, "prices: the file must hold `sources` and `prices`");
    }
    std::map<std::string, Source> sources;
    for (const auto& [name, source] : file["sources"].items()) {
        const auto url = text_in(source, "url");
        const auto checked = text_in(source, "checked");
        if (!url || !checked || !parse_time(*checked)) {
            return fail(ErrorCode::invalid_argument, "prices: source `" + name + "` needs `url` and the day `checked`");
        }
        sources[name] = Source{*url, *checked};
    }
    std::vector<Tariff> tariffs;
    for (std::size_t i = 0; i < file["prices"].size(); ++i) {
        const json& entry = file["prices"][i];
        if (!entry.is_object()) return fail(ErrorCode::invalid_argument, name_for_errors(entry, i) + " is no object");
        auto tariff = read_entry(entry, sources);
        if (!tariff)
            return fail(ErrorCode::invalid_argument, name_for_errors(entry, i) + ": " + tariff.error().message);
        tariffs.push_back(*std::move(tariff));
    }
    return tariffs;
}

}  // namespace lurus::billing
