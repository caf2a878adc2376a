#include "modules/billing/tariff/litellm.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/text/ascii.hpp"
#include "modules/billing/tariff/decimal.hpp"
#include "modules/billing/tariff/model_name.hpp"

namespace lurus::billing {
namespace {

// `{"us": 1.1, "fast": 6.0}`: by how much a region or a speed multiplies the standard prices.
constexpr std::string_view multipliers = "provider_specific_entry";

struct Field {
    std::string
        path;  // below the model: `input_cost_per_token`, `search_context_cost_per_query/search_context_size_low`
    std::string decimal;  // as the file writes it
};

// One of `tiered_pricing`: prices above a count of input tokens.
struct Step {
    std::string from;  // the range's beginning, as the file writes it
    std::vector<Field> fields;
};

struct Model {
    std::string name;
    std::string provider;
    std::vector<Field> fields;
    std::vector<Step> steps;
};

// Takes numbers by their text, so that no price passes through a double.
class Reader final : public nlohmann::json_sax<nlohmann::json> {
public:
    std::vector<Model> models;
    std::string error;
    std::size_t error_byte = 0;

    bool null() override { return value(); }
    bool boolean(bool) override { return value(); }
    bool number_integer(number_integer_t number) override { return decimal(std::to_string(number)); }
    bool number_unsigned(number_unsigned_t number) override { return decimal(std::to_string(number)); }
    bool number_float(number_float_t, const string_t& text) override { return decimal(text); }
    bool string(string_t& text) override {
        if (objects_ == 2 && arrays_ == 0 && keys_[1] == "litellm_provider") models.back().provider = text;
        // A few files quote their prices.
        if (arrays_ == 0 && is_cost() && !text.empty()) return decimal(text);
        return value();
    }
    bool binary(binary_t&) override { return value(); }
    bool start_object(std::size_t) override {
        if (objects_ == 0 && arrays_ != 0) return refuse("the file must be an object of models");
        ++objects_;
        keys_.resize(static_cast<std::size_t>(objects_));
        if (objects_ == 2 && arrays_ == 0) models.push_back(Model{keys_[0], {}, {}, {}});
        if (in_steps() && objects_ == 3 && arrays_ == 1) models.back().steps.emplace_back();
        return true;
    }
    bool key(string_t& name) override {
        keys_[static_cast<std::size_t>(objects_) - 1] = name;
        return true;
    }
    bool end_object() override {
        --objects_;
        return true;
    }
    bool start_array(std::size_t) override {
        if (objects_ == 0) return refuse("the file must be an object of models");
        ++arrays_;
        return true;
    }
    bool end_array() override {
        --arrays_;
        return true;
    }
    bool parse_error(std::size_t byte, const std::string&, const nlohmann::detail::exception&) override {
        error = "not JSON";
        error_byte = byte;
        return false;
    }

private:
    bool in_steps() const { return objects_ >= 2 && keys_[1] == "tiered_pricing"; }

    bool is_cost() const {
        return objects_ >= 2 && (keys_[1].find("cost") != std::string::npos || keys_[1] == multipliers);
    }

    bool value() {
        if (objects_ == 0) return refuse("the file must be an object of models");
        return true;
    }

    bool decimal(std::string text) {
        if (!value()) return false;
        if (in_steps() && objects_ == 3 && !models.back().steps.empty()) {
            Step& step = models.back().steps.back();
            if (arrays_ == 2 && keys_[2] == "range" && step.from.empty())
                step.from = std::move(text);
            else if (arrays_ == 1 && keys_[2].find("cost") != std::string::npos)
                step.fields.push_back(Field{keys_[2], std::move(text)});
            return true;
        }
        if (arrays_ != 0 || !is_cost() || objects_ > 3) return true;
        models.back().fields.push_back(Field{objects_ == 2 ? keys_[1] : keys_[1] + "/" + keys_[2], std::move(text)});
        return true;
    }

    bool refuse(std::string why) {
        error = std::move(why);
        error_byte = 0;
        return false;
    }

    int objects_ = 0;
    int arrays_ = 0;
    std::vector<std::string> keys_;
};

struct Where {
    Class what = Class::input;
    std::int64_t above = 0;
    std::string service = "standard";
};

bool cut(std::string_view& text, std::string_view suffix) {
    if (!text.ends_with(suffix)) return false;
    text.remove_suffix(suffix.size());
    return true;
}

// `_above_200k_tokens` at the end: 200000.
std::int64_t cut_threshold(std::string_view& text) {
    constexpr std::string_view mark = "_above_", unit = "k_tokens";
    const auto at = text.rfind(mark);
    if (at == text.npos || !text.ends_with(unit)) return 0;
    const auto digits = text.substr(at + mark.size(), text.size() - at - mark.size() - unit.size());
    std::int64_t thousands = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), thousands);
    if (error != std::errc() || end != digits.data() + digits.size() || thousands <= 0 || thousands > 1'000'000)
        return 0;
    text = text.substr(0, at);
    return thousands * 1000;
}

std::optional<Where> where_of(std::string_view field) {
    Where where;
    for (const auto& [suffix, service] : {std::pair<std::string_view, std::string_view>{"_batches", "batch"},
                                          {"_batch", "batch"},
                                          {"_flex", "flex"},
                                          {"_priority", "priority"}}) {
        if (cut(field, suffix)) {
            where.service = service;
            break;
        }
    }
    where.above = cut_threshold(field);
    const bool hour = cut(field, "_above_1hr");
    if (hour && where.above == 0) where.above = cut_threshold(field);
    if (field == "cache_creation_input_token_cost") {
        where.what = hour ? Class::cache_write_1h : Class::cache_write_5m;
        return where;
    }
    static const std::map<std::string_view, Class> classes = {
        {"input_cost_per_token", Class::input},
        {"output_cost_per_token", Class::output},
        {"cache_read_input_token_cost", Class::cache_read},
        {"output_cost_per_reasoning_token", Class::reasoning},
        {"input_cost_per_audio_token", Class::audio_input},
        {"output_cost_per_audio_token", Class::audio_output},
        {"output_cost_per_image", Class::image},
        {"input_cost_per_second", Class::audio_second},
    };
    const auto at = classes.find(field);
    if (hour || at == classes.end()) return std::nullopt;
    where.what = at->second;
    return where;
}

constexpr std::int64_t most_millionths = 1'000'000'000;  // a thousandfold

using Services = std::map<std::string, std::map<std::int64_t, Rates>>;

// What a search costs is a number only where its size does not matter: the usage does not tell the size.
void take_search_price(const Model& model, Services& services) {
    std::optional<std::int64_t> price;
    for (const auto& field : model.fields) {
        if (!field.path.starts_with("search_context_cost_per_query/")) continue;
        const auto pico = scaled_decimal(field.decimal, 12);
        if (!pico || (price && *price != *pico)) return;
        price = pico;
    }
    const auto standard = services.find("standard");
    if (price && standard != services.end()) standard->second.begin()->second.set(Class::web_search, *price);
}

// Why the model is skipped; empty = it is not.
std::string take(const Field& field, std::optional<std::int64_t> above, Services& services) {
    const auto where = where_of(field.path);
    if (!where) return {};
    const auto pico = scaled_decimal(field.decimal, 12);
    if (!pico) return field.path + " is not a price: " + field.decimal.substr(0, 40);
    services[where->service][above.value_or(where->above)].set(where->what, *pico);
    return {};
}

std::string take_all(const Model& model, Services& services) {
    std::string odd;
    for (const auto& field : model.fields) {
        if (odd.empty()) odd = take(field, std::nullopt, services);
    }
    for (const auto& step : model.steps) {
        const auto above = scaled_decimal(step.from, 0);
        if (!above && odd.empty()) odd = "a range of tiered_pricing has no beginning";
        for (const auto& field : step.fields) {
            if (odd.empty()) odd = take(field, above, services);
        }
    }
    return odd;
}

// Regions and speeds multiply what tokens cost. A service of that name that the file prices itself stays.
void multiply(const Model& model, Services& services) {
    const auto standard = services.find("standard");
    if (standard == services.end()) return;
    for (const auto& field : model.fields) {
        if (!field.path.starts_with(multipliers) || field.path.size() < multipliers.size() + 2) continue;
        const auto millionths = scaled_decimal(field.decimal, 6);
        const std::string name = lower_case(std::string_view(field.path).substr(multipliers.size() + 1));
        if (!millionths || *millionths == 0 || *millionths > most_millionths || services.contains(name)) continue;
        auto tiers = standard->second;
        for (auto& [above, rates] : tiers) {
            for (std::size_t i = 0; i < class_count; ++i) {
                std::int64_t& pico = rates.pico[i];
                if (pico == Rates::none || is_per_piece(static_cast<Class>(i))) continue;
                pico = pico > INT64_MAX / *millionths ? Rates::none : pico * *millionths / 1'000'000;
            }
        }
        services.emplace(name, std::move(tiers));
    }
}

bool nothing_priced(const Services& services) {
    return std::ranges::all_of(services, [](const auto& service) {
        return std::ranges::all_of(service.second, [](const auto& tier) {
            return std::ranges::all_of(tier.second.pico, [](auto pico) { return pico <= 0; });
        });
    });
}

// What the standard service prices by length has no price at lengths that another service does not name.
void close_lengths(Services& services) {
    const auto standard = services.find("standard");
    if (standard == services.end()) return;
    for (auto& [name, tiers] : services) {
        for (const auto& [above, rates] : standard->second) tiers.try_emplace(above);
    }
}

// Empty: it has no price, or the reason is said in `odd`.
std::optional<Tariff> tariff_of(const Model& model, UnixMicros from, std::string& odd) {
    Services services;
    odd = take_all(model, services);
    if (!odd.empty()) return std::nullopt;
    if (nothing_priced(services) || model.provider.empty()) return std::nullopt;
    std::erase_if(services, [](const auto& service) { return !service.second.contains(0); });
    multiply(model, services);
    close_lengths(services);
    take_search_price(model, services);

    Tariff tariff;
    tariff.vendor = vendor_of_list(model.provider);
    const std::string prefix = model.provider + "/";
    tariff.model =
        lower_case(model.name.starts_with(prefix) ? std::string_view(model.name).substr(prefix.size()) : model.name);
    tariff.origin = Origin::imported;
    tariff.from = from;
    tariff.source = litellm_source;
    for (auto& [name, tiers] : services) {
        const Rates& base = tiers.at(0);
        Service service;
        service.name = name;
        for (auto& [above, rates] : tiers) {
            // The file has no long-context fields for sound: one price holds for all lengths.
            for (const Class c : {Class::audio_input, Class::audio_output}) {
                if (!rates.has(c)) rates.set(c, base.of(c));
            }
            service.tiers.push_back(Tier{above, rates});
        }
        tariff.services.push_back(std::move(service));
    }
    if (tariff.services.empty()) return std::nullopt;
    if (auto ok = complete(tariff); !ok) {
        odd = ok.error().message;
        return std::nullopt;
    }
    return tariff;
}

std::string position(std::string_view text, std::size_t byte) {
    const auto before = text.substr(0, byte > 0 ? std::min(byte - 1, text.size()) : 0);
    const auto line = std::ranges::count(before, '\n') + 1;
    const auto start = before.rfind('\n');
    const auto column = before.size() - (start == before.npos ? 0 : start + 1) + 1;
    return "line " + std::to_string(line) + ", column " + std::to_string(column);
}

}  // namespace

Result<ImportedPrices> read_litellm(std::string_view json, UnixMicros from) {
    Reader reader;
    if (!nlohmann::json::sax_parse(json.begin(), json.end(), &reader)) {
        const auto where = reader.error_byte > 0 ? " at " + position(json, reader.error_byte) : std::string();
        return fail(ErrorCode::invalid_argument, "the price list cannot be read: " + reader.error + where);
    }
    // A model may be there twice, with its provider's prefix and without; the prefixed one is meant for that provider.
    std::map<std::pair<std::string, std::string>, std::pair<bool, Tariff>> chosen;
    ImportedPrices out;
    for (const auto& model : reader.models) {
        if (model.name == "sample_spec") continue;
        std::string odd;
        auto tariff = tariff_of(model, from, odd);
        if (!odd.empty()) out.skipped.push_back({model.name, std::move(odd)});
        if (!tariff) continue;
        const bool prefixed = model.name.starts_with(model.provider + "/");
        auto key = std::pair(tariff->vendor, tariff->model);
        const auto at = chosen.find(key);
        if (at == chosen.end()) {
            chosen.emplace(std::move(key), std::pair(prefixed, *std::move(tariff)));
        } else if (prefixed || !at->second.first) {
            at->second = std::pair(prefixed, *std::move(tariff));
        }
    }
    out.models = static_cast<int>(chosen.size());
    out.tariffs.reserve(chosen.size());
    for (auto& [key, value] : chosen) out.tariffs.push_back(std::move(value.second));
    return out;
}

}  // namespace lurus::billing
