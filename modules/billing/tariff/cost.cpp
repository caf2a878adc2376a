#include <algorithm>
#include <limits>
#include <numeric>

#include "modules/billing/tariff/decimal.hpp"
#include "modules/billing/tariff/model_name.hpp"
#include "modules/billing/tariff/tariff_table.hpp"

namespace lurus::billing {
namespace {

constexpr std::int64_t greatest = std::numeric_limits<std::int64_t>::max();

constexpr int most_services = 4;

using Counts = std::array<std::int64_t, class_count>;

bool sane(const Usage& usage) {
    for (const auto& count : {usage.input, usage.cache_read, usage.cache_write_5m, usage.cache_write_1h, usage.output,
                              usage.reasoning, usage.audio_input, usage.audio_output, usage.image_input,
                              usage.image_output, usage.images, usage.web_searches, usage.audio_seconds}) {
        // Far beyond any request, and small enough that sums stay in range.
        if (count.value_or(0) < 0 || count.value_or(0) > greatest / 1000) return false;
    }
    return true;
}

std::int64_t billed_input(const Usage& usage) {
    return std::max<std::int64_t>(0, usage.input.value_or(0) - usage.unbilled_input.value_or(0));
}

std::int64_t total_input(const Usage& usage) {
    return billed_input(usage) + usage.cache_read.value_or(0) + usage.cache_write_5m.value_or(0) +
           usage.cache_write_1h.value_or(0);
}

// Splits the parts off their wholes, so that every unit is in exactly one class.
Counts disjoint(const Usage& usage, const Rates& rates) {
    Counts counts{};
    const auto put = [&](Class c, std::int64_t count) { counts[static_cast<std::size_t>(c)] = count; };
    const std::int64_t input = billed_input(usage);
    const std::int64_t output = usage.output.value_or(0);
    const std::int64_t audio_input = std::min(usage.audio_input.value_or(0), input);
    const std::int64_t audio_output = std::min(usage.audio_output.value_or(0), output);
    std::int64_t text_input = input - audio_input;
    std::int64_t text_output = output - audio_output;
    const auto part = [&](Class c, const std::optional<std::int64_t>& said, std::int64_t& whole) {
        if (!rates.has(c)) return;
        const std::int64_t count = std::min(said.value_or(0), whole);
        put(c, count);
        whole -= count;
    };
    part(Class::image_input, usage.image_input, text_input);
    part(Class::image_output, usage.image_output, text_output);
    part(Class::reasoning, usage.reasoning, text_output);
    put(Class::input, text_input);
    put(Class::audio_input, audio_input);
    put(Class::cache_read, usage.cache_read.value_or(0));
    put(Class::cache_write_5m, usage.cache_write_5m.value_or(0));
    put(Class::cache_write_1h, usage.cache_write_1h.value_or(0));
    put(Class::output, text_output);
    put(Class::audio_output, audio_output);
    put(Class::image, usage.images.value_or(0));
    put(Class::web_search, usage.web_searches.value_or(0));
    put(Class::audio_second, usage.audio_seconds.value_or(0));
    return counts;
}

// Where pictures cost unlike text, a count that does not tell them apart has no price.
bool pictures_told(const Usage& usage, const Rates& rates) {
    if (rates.has(Class::image_input) && !usage.image_input && usage.input.value_or(0) > 0) return false;
    return !rates.has(Class::image_output) || usage.image_output || usage.output.value_or(0) == 0;
}

const Rates& rates_for(const Service& service, std::int64_t input) {
    const Rates* rates = &service.tiers.front().rates;
    for (const auto& tier : service.tiers) {
        if (input > tier.above) rates = &tier.rates;
    }
    return *rates;
}

// A tier, a speed and a region each multiply what the standard service costs.
std::int64_t combined(std::int64_t a, std::int64_t b, std::int64_t standard) {
    if (a == Rates::none || b == Rates::none || standard == Rates::none) return Rates::none;
    if (standard == 0) return a == 0 && b == 0 ? 0 : Rates::none;
    const std::int64_t common = std::gcd(b, standard);
    const std::int64_t times = b / common, over = standard / common;
    if (times != 0 && a > greatest / times) return Rates::none;
    const std::int64_t quotient = a * times / over, rest = a * times % over;
    const bool up = rest > over - rest || (rest == over - rest && quotient % 2 != 0);
    return quotient + (up ? 1 : 0);
}

std::optional<Rates> rates_of(const Tariff& tariff, const Usage& usage) {
    const std::int64_t input = total_input(usage);
    std::optional<Rates> rates;
    std::string_view rest = usage.service_tier;
    int named = 0;
    do {
        const std::size_t plus = rest.find('+');
        const std::string name = service_name(rest.substr(0, plus));
        rest = plus == rest.npos ? std::string_view() : rest.substr(plus + 1);
        if (name == "standard") continue;
        const Service* service = tariff.service(name);
        if (service == nullptr || ++named > most_services) return std::nullopt;
        const Rates& more = rates_for(*service, input);
        if (!rates) {
            rates = more;
            continue;
        }
        const Service* standard = tariff.service("standard");
        if (standard == nullptr) return std::nullopt;
        const Rates& base = rates_for(*standard, input);
        for (std::size_t i = 0; i < class_count; ++i) {
            if (!is_per_piece(static_cast<Class>(i)))
                rates->pico[i] = combined(rates->pico[i], more.pico[i], base.pico[i]);
        }
    } while (!rest.empty());
    if (rates) return rates;
    const Service* standard = tariff.service("standard");
    return standard == nullptr ? std::nullopt : std::optional(rates_for(*standard, input));
}

}  // namespace

bool has_service(const Tariff& tariff, const Usage& usage) {
    return rates_of(tariff, usage).has_value();
}

std::optional<Cost> cost_of(const Tariff& tariff, const Usage& usage) {
    if (!usage.known() || !sane(usage)) return std::nullopt;
    const auto found = rates_of(tariff, usage);
    if (!found) return std::nullopt;
    const Rates& rates = *found;
    if (!pictures_told(usage, rates)) return std::nullopt;
    const Counts counts = disjoint(usage, rates);
    Cost cost;
    cost.tariff = tariff.label;
    cost.lines.reserve(static_cast<std::size_t>(std::ranges::count_if(counts, [](auto count) { return count > 0; })));
    for (std::size_t i = 0; i < class_count; ++i) {
        if (counts[i] == 0) continue;
        if (rates.pico[i] == Rates::none) {
            if (static_cast<Class>(i) != Class::web_search) return std::nullopt;
            cost.unpriced.push_back(class_names[i]);
            continue;
        }
        const auto nano = nano_of(counts[i], rates.pico[i]);
        if (!nano || *nano > greatest - cost.total.nano_usd) return std::nullopt;
        CostLine line;
        line.what = class_names[i];
        line.units = counts[i];
        line.price = Price{rates.pico[i]};
        line.cost = Money{*nano};
        cost.total += line.cost;
        cost.lines.push_back(line);
    }
    return cost;
}

}  // namespace lurus::billing
