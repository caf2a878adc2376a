#include "modules/billing/tariff/genai_prices.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>

#include "core/json/json_scan.hpp"
#include "core/text/ascii.hpp"
#include "modules/billing/tariff/decimal.hpp"

namespace lurus::billing {
namespace {

struct ClassName {
    std::string_view name;
    Class what;
    int power;  // from the list's unit to pico-US-dollars
};
constexpr auto list_classes = std::to_array<ClassName>({
    {"input_mtok", Class::input, 6},
    {"output_mtok", Class::output, 6},
    {"cache_read_mtok", Class::cache_read, 6},
    {"cache_write_mtok", Class::cache_write_5m, 6},
    {"cache_write_1h_mtok", Class::cache_write_1h, 6},
    {"input_audio_mtok", Class::audio_input, 6},
    {"output_audio_mtok", Class::audio_output, 6},
    {"input_image_mtok", Class::image_input, 6},
    {"output_image_mtok", Class::image_output, 6},
    {"output_reasoning_mtok", Class::reasoning, 6},
});

template <class F>
void each(std::string_view array, F&& visit) {
    json::Reader reader(array, json::Mode::trusting);
    if (reader.peek() != json::Kind::array || !reader.enter_array()) return;
    while (reader.next_element()) visit(reader.skip());
}

template <class F>
void each_member(std::string_view object, F&& visit) {
    json::Reader reader(object, json::Mode::trusting);
    if (reader.peek() != json::Kind::object || !reader.enter_object()) return;
    std::string_view key;
    while (reader.next_member(key)) visit(key, reader.skip());
}

struct Entry {
    std::string id;
    std::set<std::string> names;
    std::map<UnixMicros, Service> prices;  // by the date from which they hold; 0 = always
    std::string odd;                       // why it is skipped
};

void take_names(std::string_view match, Entry& entry, int depth = 0) {
    if (depth > 4) return;
    each_member(match, [&](std::string_view key, std::string_view value) {
        if (key == "equals" || key == "starts_with") {
            std::string name = lower_case(json::string_value(value));
            while (!name.empty() && (name.back() == '-' || name.back() == ':')) name.pop_back();
            if (!name.empty()) entry.names.insert(std::move(name));
        } else if (key == "or") {
            each(value, [&](std::string_view one) { take_names(one, entry, depth + 1); });
        }
    });
}

// One class's price: a number, or one for each length of the input.
std::map<std::int64_t, std::int64_t> steps_of(const ClassName& c, std::string_view value, Entry& entry) {
    std::map<std::int64_t, std::int64_t> steps;
    const auto take = [&](std::int64_t above, std::string_view decimal) {
        const auto pico = scaled_decimal(decimal, c.power);
        if (pico)
            steps[above] = *pico;
        else
            entry.odd = std::string(c.name) + " is not a price: " + std::string(decimal.substr(0, 40));
    };
    if (json::kind_of(value) != json::Kind::object) {
        take(0, value);
        return steps;
    }
    take(0, json::find(value, {"base"}));
    each(json::find(value, {"tiers"}), [&](std::string_view tier) {
        const auto start = json::to_int64(json::find(tier, {"start"}));
        if (start && *start > 0)
            take(*start, json::find(tier, {"price"}));
        else
            entry.odd = std::string(c.name) + " has a tier without a start";
    });
    return steps;
}

Service service_of(std::string_view prices, Entry& entry) {
    std::map<Class, std::map<std::int64_t, std::int64_t>> found;
    std::set<std::int64_t> lengths = {0};
    each_member(prices, [&](std::string_view key, std::string_view value) {
        if (json::kind_of(value) == json::Kind::null) return;
        if (key == "requests_kcount") entry.odd = "it is priced by the request, too";
        const auto c = std::ranges::find(list_classes, key, &ClassName::name);
        if (c == list_classes.end()) return;
        auto& steps = found[c->what] = steps_of(*c, value, entry);
        for (const auto& [above, pico] : steps) lengths.insert(above);
    });
    Service service;
    service.name = "standard";
    if (found.empty()) return service;
    for (const std::int64_t above : lengths) {
        Tier tier;
        tier.above = above;
        for (const auto& [c, steps] : found) {
            const auto next = steps.upper_bound(above);
            if (next != steps.begin()) tier.rates.set(c, std::prev(next)->second);
        }
        service.tiers.push_back(tier);
    }
    return service;
}

void take_prices(std::string_view prices, Entry& entry) {
    if (json::kind_of(prices) == json::Kind::object) {
        entry.prices[0] = service_of(prices, entry);
        return;
    }
    each(prices, [&](std::string_view one) {
        UnixMicros from = 0;
        const std::string_view constraint = json::find(one, {"constraint"});
        if (json::kind_of(constraint) == json::Kind::object) {
            const std::string day = json::string_value(json::find(constraint, {"start_date"}));
            const auto time = parse_time(day);
            if (day.empty())
                entry.odd = "it is priced by the hour of the day";
            else if (!time)
                entry.odd = "start_date is no date: " + day.substr(0, 40);
            from = time.value_or(0);
        }
        entry.prices[from] = service_of(json::find(one, {"prices"}), entry);
    });
}

Entry entry_of(std::string_view model) {
    Entry entry;
    each_member(model, [&](std::string_view key, std::string_view value) {
        if (key == "id") entry.id = lower_case(json::string_value(value));
        if (key == "match") take_names(value, entry);
        if (key == "prices") take_prices(value, entry);
    });
    if (!entry.id.empty()) entry.names.insert(entry.id);
    return entry;
}

// What holds at `from` is the last price that started before; the later ones are announced.
void keep_from(std::map<UnixMicros, Service>& prices, UnixMicros from) {
    const auto next = prices.upper_bound(from);
    if (next == prices.begin()) return;
    Service now = std::move(std::prev(next)->second);
    prices.erase(prices.begin(), next);
    prices[from] = std::move(now);
}

class List {
public:
    explicit List(UnixMicros from) : from_(from) { out_.dated = true; }

    void take_provider(std::string_view provider) {
        ++providers_;
        const std::string id = json::string_value(json::find(provider, {"id"}));
        each(json::find(provider, {"models"}), [&](std::string_view model) { take_model(id, model); });
    }
    Result<ImportedPrices> take() {
        if (providers_ == 0) return fail(ErrorCode::invalid_argument, "the list names no provider");
        return std::move(out_);
    }

private:
    void take_model(const std::string& provider, std::string_view model) {
        Entry entry = entry_of(model);
        if (provider.empty() || entry.id.empty()) return;
        keep_from(entry.prices, from_);
        const bool free = std::ranges::all_of(entry.prices, [](const auto& one) { return all_zero({one.second}); });
        if (entry.odd.empty() && free) return;
        if (!entry.odd.empty()) {
            out_.skipped.push_back({provider + "/" + entry.id, entry.odd});
            return;
        }
        ++out_.models;
        for (const auto& [time, service] : entry.prices) {
            if (service.tiers.empty()) continue;
            for (const std::string& name : entry.names) add(provider, name, name == entry.id, time, service);
        }
    }

    // A name belongs to the model that has it as its id, else to the first that spells it.
    void add(const std::string& provider, const std::string& name, bool is_id, UnixMicros time,
             const Service& service) {
        Tariff tariff;
        tariff.vendor = vendor_of_list(provider);
        tariff.model = name;
        tariff.origin = Origin::imported;
        tariff.from = time;
        tariff.source = genai_source;
        tariff.services = {service};
        if (!complete(tariff)) return;
        const auto [at, fresh] = places_.try_emplace(std::pair(tariff.vendor + "/" + name, time), out_.tariffs.size());
        if (fresh)
            out_.tariffs.push_back(std::move(tariff));
        else if (is_id)
            out_.tariffs[at->second] = std::move(tariff);
    }

    UnixMicros from_;
    int providers_ = 0;
    ImportedPrices out_;
    std::map<std::pair<std::string, UnixMicros>, std::size_t> places_;
};

}  // namespace

bool is_genai_prices(std::string_view json) {
    const json::Kind kind = json::kind_of(json.substr(std::min(json.find_first_not_of(" \t\r\n"), json.size())));
    if (kind == json::Kind::array) return true;
    return kind == json::Kind::object && json::kind_of(json::find(json, {"providers"})) == json::Kind::array;
}

Result<ImportedPrices> read_genai_prices(std::string_view text, UnixMicros from) {
    json::Reader whole(text);
    whole.skip();
    if (!whole.finish()) {
        return fail(ErrorCode::invalid_argument,
                    "the price list cannot be read: not JSON at byte " + std::to_string(whole.error_offset()));
    }
    const std::string_view list = text.substr(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
    List prices(from);
    const auto provider = [&](std::string_view one) { prices.take_provider(one); };
    if (json::kind_of(list) == json::Kind::array)
        each(list, provider);
    else
        each(json::find(list, {"providers"}), provider);
    return prices.take();
}

}  // namespace lurus::billing
