#include "modules/billing/tariff/price_json.hpp"

#include <algorithm>
#include <initializer_list>

#include "core/http/api_body.hpp"
#include "core/http/paging.hpp"
#include "core/text/ascii.hpp"
#include "modules/billing/tariff/price_file.hpp"

namespace lurus::billing {
namespace {

using nlohmann::json;

// Empty text when it is absent.
Result<std::string> text_or_empty(const json& object, const char* field) {
    auto text = text_of(object, field);
    if (!text) return std::unexpected(text.error());
    return std::move(*text).value_or("");
}

Result<std::optional<UnixMicros>> time_of(const json& object, const char* field) {
    const auto text = text_or_empty(object, field);
    if (!text) return std::unexpected(text.error());
    if (text->empty()) return std::nullopt;
    const auto time = parse_time(*text);
    if (!time) return std::unexpected(wrong_field(field, "a time such as `2027-01-31T00:00:00Z` or a date"));
    return *time;
}

Result<Usage> usage_of(const json& object) {
    Usage usage;
    const std::initializer_list<std::pair<const char*, std::optional<std::int64_t>*>> counts = {
        {"input", &usage.input},
        {"cache_read", &usage.cache_read},
        {"cache_write_5m", &usage.cache_write_5m},
        {"cache_write_1h", &usage.cache_write_1h},
        {"output", &usage.output},
        {"reasoning", &usage.reasoning},
        {"audio_input", &usage.audio_input},
        {"audio_output", &usage.audio_output},
        {"images", &usage.images},
        {"web_searches", &usage.web_searches},
        {"image_input", &usage.image_input},
        {"image_output", &usage.image_output},
        {"audio_seconds", &usage.audio_seconds}};
    for (const auto& [name, value] : object.items()) {
        if (name == "service_tier") {
            if (!value.is_string()) return std::unexpected(wrong_field("usage.service_tier", "a string"));
            usage.service_tier = value.get<std::string>();
            continue;
        }
        const auto at = std::ranges::find_if(counts, [&](const auto& count) { return name == count.first; });
        if (at == counts.end()) return fail(ErrorCode::invalid_argument, "`usage." + name + "` is no usage class");
        if (value.is_null()) continue;
        if (!value.is_number_integer() || value.get<std::int64_t>() < 0) {
            return std::unexpected(wrong_field("usage." + name, "a count of 0 or more"));
        }
        *at->second = value.get<std::int64_t>();
    }
    return usage;
}

const std::string price_properties =
    R"("vendor":{"type":"string","description":"`provider:NAME` for one provider's own price"},"model":{"type":"string"},)"
    R"("aliases":{"type":"array","items":{"type":"string"}},"origin":{"enum":["builtin","import","override"]},)"
    R"("tariff":{"type":"string"},"from":{"type":"string","format":"date-time"},"until":{"type":["string","null"],"format":"date-time"},)"
    R"("applies":{"type":"boolean","description":"this one holds now"},"hours":{"type":["object","null"],"description":"the hours of the week at which it holds; null = all"},"source":{"type":"string"},"checked":{"type":["string","null"]},)"
    R"("rates":{"type":"object","description":"by service tier","additionalProperties":{"type":"array","items":{"type":"object",)"
    R"("properties":{"above_input_tokens":{"type":"integer"},"pico_usd":{"type":"object","description":"per token, image or search",)"
    R"("additionalProperties":{"type":"integer"}}}}}})";

const std::string usage_properties =
    R"("input":{"type":"integer"},"cache_read":{"type":"integer"},"cache_write_5m":{"type":"integer"},)"
    R"("cache_write_1h":{"type":"integer"},"output":{"type":"integer"},"reasoning":{"type":"integer"},)"
    R"("audio_input":{"type":"integer"},"audio_output":{"type":"integer"},"images":{"type":"integer"},)"
    R"("web_searches":{"type":"integer"},"image_input":{"type":"integer"},"image_output":{"type":"integer"},"audio_seconds":{"type":"integer"},)"
    R"("service_tier":{"type":"string","description":"what was served: a tier, with a speed or region behind a plus: `batch`, `fast`, `standard+us`"})";

std::string clock_text(int minute) {
    const auto two = [](int n) { return std::string(n < 10 ? "0" : "") + std::to_string(n); };
    return two(minute / 60) + ":" + two(minute % 60);
}

nlohmann::ordered_json hours_json(const Hours& hours) {
    nlohmann::ordered_json out;
    out["name"] = hours.name;
    out["days"] = hours.weekdays == 0x1f ? "mon-fri" : "mon-sun";
    out["utc"] = nlohmann::ordered_json::array();
    for (const auto& w : hours.windows) out["utc"].push_back(clock_text(w.from_minute) + "-" + clock_text(w.to_minute));
    return out;
}

std::string one_price() {
    return R"({"type":"object","required":["vendor","model","origin","tariff","from","until","applies","rates"],"properties":{)" +
           price_properties + "}}";
}

}  // namespace

std::string price_list_schema() {
    return page_schema(one_price());
}

std::string price_schema() {
    return R"({"type":"object","required":["model","data"],"properties":{"model":{"type":"string"},"data":{"type":"array","items":)" +
           one_price() + "}}}";
}

std::string quote_request_schema() {
    return R"({"type":"object","required":["model","usage"],"additionalProperties":false,"properties":{"model":{"type":"string"},)"
           R"("provider_kind":{"type":"string","description":"default: openai-compatible, any maker's model by name"},)"
           R"("provider":{"type":"string"},"time":{"type":"string","format":"date-time"},)"
           R"("usage":{"type":"object","additionalProperties":false,"properties":{)" +
           usage_properties + "}}}}";
}

std::string quote_schema() {
    return R"({"type":"object","required":["model","priced","cost_nano_usd","lines"],"properties":{"model":{"type":"string"},)"
           R"("priced":{"type":"boolean"},"reason":{"type":"string","description":"why it is unpriced"},)"
           R"("tariff":{"type":["string","null"]},"cost_nano_usd":{"type":["integer","null"]},"lines":{"type":"array","items":)"
           R"({"type":"object","properties":{"what":{"type":"string"},"units":{"type":"integer"},"pico_usd":{"type":"integer"},)"
           R"("cost_nano_usd":{"type":"integer"}}}},"unpriced":{"type":"array","items":{"type":"string"},"description":"pieces without a price, not in the cost"}}})";
}

std::string own_price_schema() {
    return R"({"type":"object","required":["rates"],"additionalProperties":false,"properties":{)"
           R"("vendor":{"type":"string","description":"whose model; one of vendor and provider"},)"
           R"("provider":{"type":"string","description":"the name of one provider"},"from":{"type":"string","format":"date-time"},)"
           R"("until":{"type":"string","format":"date-time"},"source":{"type":"string"},"rates":{"type":"object",)"
           R"("description":"by service tier: USD per million tokens, per image, per 1000 searches, as decimal text"}}})";
}

std::string import_result_schema() {
    return R"({"type":"object","required":["models","changed","withdrawn","skipped","skipped_models","effective_from"],"properties":{)"
           R"("models":{"type":"integer"},"changed":{"type":"integer"},)"
           R"("withdrawn":{"type":"integer","description":"announced by an earlier list and not by this one"},)"
           R"("skipped":{"type":"integer","description":"models with a price that is none"},"skipped_models":{"type":"array",)"
           R"("description":"the first hundred of them","items":{"type":"object","properties":{"model":{"type":"string"},"reason":{"type":"string"}}}},)"
           R"("effective_from":{"type":"string","format":"date-time"}}})";
}

nlohmann::ordered_json json_of(const Tariff& tariff) {
    nlohmann::ordered_json out;
    out["vendor"] = tariff.vendor;
    out["model"] = tariff.model;
    out["aliases"] = tariff.aliases;
    out["origin"] = name_of(tariff.origin);
    out["tariff"] = tariff.label;
    out["from"] = format_time(tariff.from);
    out["until"] = tariff.until ? nlohmann::ordered_json(format_time(*tariff.until)) : nlohmann::ordered_json(nullptr);
    out["hours"] = tariff.hours ? hours_json(*tariff.hours) : nlohmann::ordered_json(nullptr);
    out["source"] = tariff.source;
    out["checked"] = tariff.checked.empty() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(tariff.checked);
    out["rates"] = rates_json(tariff.services);
    return out;
}

nlohmann::ordered_json json_of(const Cost& cost) {
    nlohmann::ordered_json out;
    out["tariff"] = cost.tariff;
    out["cost_nano_usd"] = cost.total.nano_usd;
    out["lines"] = nlohmann::ordered_json::array();
    for (const auto& line : cost.lines) {
        nlohmann::ordered_json one;
        one["what"] = line.what;
        one["units"] = line.units;
        one["pico_usd"] = line.price.pico_usd;
        one["cost_nano_usd"] = line.cost.nano_usd;
        out["lines"].push_back(std::move(one));
    }
    out["unpriced"] = cost.unpriced;
    return out;
}

Result<Quote> quote_from(std::string_view body, UnixMicros now) {
    const auto object = object_from(body, {"model", "provider_kind", "provider", "time", "usage"});
    if (!object) return std::unexpected(object.error());
    Quote quote;
    for (const auto& [field, target] :
         {std::pair{"model", &quote.model}, std::pair{"provider_kind", &quote.provider_kind},
          std::pair{"provider", &quote.provider}}) {
        auto text = text_or_empty(*object, field);
        if (!text) return std::unexpected(text.error());
        *target = *std::move(text);
    }
    if (quote.model.empty()) return fail(ErrorCode::invalid_argument, "`model` is missing");
    if (quote.provider_kind.empty()) quote.provider_kind = "openai-compatible";
    const auto time = time_of(*object, "time");
    if (!time) return std::unexpected(time.error());
    quote.time = time->value_or(now);
    if (!object->contains("usage") || !(*object)["usage"].is_object())
        return std::unexpected(wrong_field("usage", "an object of counts"));
    auto usage = usage_of((*object)["usage"]);
    if (!usage) return std::unexpected(usage.error());
    quote.usage = *std::move(usage);
    return quote;
}

Result<Tariff> own_price_from(std::string_view body, const std::string& model, UnixMicros now) {
    const auto object = object_from(body, {"vendor", "provider", "from", "until", "source", "rates"});
    if (!object) return std::unexpected(object.error());
    const auto vendor = text_or_empty(*object, "vendor");
    if (!vendor) return std::unexpected(vendor.error());
    const auto provider = text_or_empty(*object, "provider");
    if (!provider) return std::unexpected(provider.error());
    if (vendor->empty() == provider->empty()) {
        return fail(ErrorCode::invalid_argument,
                    "say one of `vendor` (whose model) and `provider` (the name of one provider)");
    }
    Tariff tariff;
    tariff.origin = Origin::own;
    tariff.vendor = vendor->empty() ? vendor_of_provider(*provider) : *vendor;
    tariff.model = lower_case(model);
    const auto from = time_of(*object, "from");
    if (!from) return std::unexpected(from.error());
    tariff.from = from->value_or(now);
    const auto until = time_of(*object, "until");
    if (!until) return std::unexpected(until.error());
    tariff.until = *until;
    if (tariff.until && *tariff.until <= tariff.from) return std::unexpected(wrong_field("until", "after `from`"));
    auto source = text_or_empty(*object, "source");
    if (!source) return std::unexpected(source.error());
    tariff.source = source->empty() ? "management API" : *std::move(source);
    if (!object->contains("rates")) return fail(ErrorCode::invalid_argument, "`rates` is missing");
    auto services = read_rates((*object)["rates"]);
    if (!services) return std::unexpected(services.error());
    tariff.services = *std::move(services);
    if (auto ok = complete(tariff); !ok) return std::unexpected(ok.error());
    return tariff;
}

std::string vendor_of_provider(std::string_view provider) {
    return "provider:" + std::string(provider);
}

}  // namespace lurus::billing
