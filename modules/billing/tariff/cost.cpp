#include <algorithm>
#include <limits>

#include "modules/billing/tariff/decimal.hpp"
#include "modules/billing/tariff/model_name.hpp"
#include "modules/billing/tariff/tariff_table.hpp"

namespace lurus::billing {
namespace {

constexpr std::int64_t greatest = std::numeric_limits<std::int64_t>::max();

using Counts = std::array<std::int64_t, class_count>;

bool sane(const Usage& usage) {
    for (const auto& count : {usage.input, usage.cache_read, usage.cache_write_5m, usage.cache_write_1h, usage.output,
                              usage.reasoning, usage.audio_input, usage.audio_output, usage.image_input,
                              usage.image_output, usage.images, usage.web_searches}) {
        // Far beyond any request, and small enough that sums stay in range.
        if (count.value_or(0) < 0 || count.value_or(0) > greatest / 1000) return false;
    }
    return true;
}

std::int64_t total_input(const Usage& usage) {
    return usage.input.value_or(0) + usage.cache_read.value_or(0) + usage.cache_write_5m.value_or(0) +
           usage.cache_write_1h.value_or(0);
}

// Splits the parts off their wholes, so that every unit is in exactly one class.
Counts disjoint(const Usage& usage, const Rates& rates) {
    Counts counts{};
    const auto put = [&](Class c, std::int64_t count) { counts[static_cast<std::size_t>(c)] = count; };
    const std::int64_t input = usage.input.value_or(0);
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

}  // namespace

std::optional<Cost> cost_of(const Tariff& tariff, const Usage& usage) {
    if (!usage.known() || !sane(usage)) return std::nullopt;
    const Service* service = tariff.service(service_name(usage.service_tier));
    if (service == nullptr) return std::nullopt;
    const Rates& rates = rates_for(*service, total_input(usage));
    if (!pictures_told(usage, rates)) return std::nullopt;
    const Counts counts = disjoint(usage, rates);
    Cost cost;
    cost.tariff = tariff.label;
    cost.lines.reserve(static_cast<std::size_t>(std::ranges::count_if(counts, [](auto count) { return count > 0; })));
    for (std::size_t i = 0; i < class_count; ++i) {
        if (counts[i] == 0) continue;
        if (rates.pico[i] == Rates::none) return std::nullopt;
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
