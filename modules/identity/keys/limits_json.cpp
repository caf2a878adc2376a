#include "modules/identity/keys/limits_json.hpp"

#include <array>

#include "core/http/api_body.hpp"

namespace lurus::identity {
namespace {

using nlohmann::json;
using Json = nlohmann::ordered_json;

struct Amount {
    const char* name;
    std::int64_t Limits::* limit;
    std::optional<std::int64_t> LimitsChange::* change;
    const char* description;
};
constexpr std::array<Amount, 5> amounts = {{
    {"rpm", &Limits::rpm, &LimitsChange::rpm, "requests a minute"},
    {"tpm", &Limits::tpm, &LimitsChange::tpm, "tokens a minute, in and out"},
    {"itpm", &Limits::itpm, &LimitsChange::itpm, "tokens in a minute"},
    {"otpm", &Limits::otpm, &LimitsChange::otpm, "tokens out a minute"},
    {"concurrency", &Limits::concurrency, &LimitsChange::concurrency, "requests being answered at once"},
}};

Result<void> amounts_of(const json& object, LimitsChange& change) {
    for (const auto& amount : amounts) {
        const auto at = object.find(amount.name);
        if (at == object.end()) continue;
        const bool whole =
            at->is_number_unsigned() && at->get<std::uint64_t>() <= static_cast<std::uint64_t>(max_limit);
        if (!whole && !at->is_null())
            return std::unexpected(wrong_field(amount.name, "a whole number up to 1000000000; 0 or null = no limit"));
        change.*(amount.change) = at->is_null() ? 0 : at->get<std::int64_t>();
    }
    return {};
}

Result<void> budget_of(const json& object, LimitsChange& change) {
    const auto at = object.find("budget");
    if (at == object.end()) return {};
    if (at->is_null()) {
        change.budget.emplace();
        return {};
    }
    if (!at->is_string()) return std::unexpected(wrong_field("budget", "text such as `10 USD/day`, or null"));
    const auto budget = Budget::parse(at->get_ref<const std::string&>());
    if (!budget) return fail(ErrorCode::invalid_argument, "`budget`: " + budget.error().message);
    change.budget.emplace(*budget);
    return {};
}

Result<void> window_of(const json& object, LimitsChange& change) {
    const auto at = object.find("window");
    if (at == object.end()) return {};
    if (at->is_null()) {
        change.window.emplace();
        return {};
    }
    const auto kind = at->is_string() ? window_from(at->get_ref<const std::string&>()) : std::nullopt;
    if (!kind) return std::unexpected(wrong_field("window", "`sliding`, `bucket` or null"));
    change.window.emplace(*kind);
    return {};
}

}  // namespace

std::vector<std::string_view> limit_fields() {
    std::vector<std::string_view> out;
    for (const auto& amount : amounts) out.emplace_back(amount.name);
    out.insert(out.end(), {"budget", "window"});
    return out;
}

void LimitsChange::apply(Limits& limits) const {
    for (const auto& amount : amounts) {
        if (const auto& value = this->*(amount.change)) limits.*(amount.limit) = *value;
    }
    if (budget) limits.budget = *budget;
    if (window) limits.window = *window;
}

bool LimitsChange::any() const {
    return rpm || tpm || itpm || otpm || concurrency || budget || window;
}

Result<LimitsChange> limits_change_from(const json& object) {
    LimitsChange change;
    for (const auto part : {amounts_of, budget_of, window_of}) {
        if (auto done = part(object, change); !done) return std::unexpected(done.error());
    }
    return change;
}

Result<LimitedBody> limited_body_from(const ApiRequest& request, std::vector<std::string_view> own, Permission needed) {
    for (const auto field : limit_fields()) own.push_back(field);
    for (const auto field : model_fields()) own.push_back(field);
    auto fields = object_from(request.body, own);
    if (!fields) return std::unexpected(fields.error());
    if (fields->empty()) return fail(ErrorCode::invalid_argument, "the body names nothing to change");
    auto limits = limits_change_from(*fields);
    if (!limits) return std::unexpected(limits.error());
    auto models = models_change_from(*fields);
    if (!models) return std::unexpected(models.error());
    if ((limits->any() || models->any()) && !request.principal.may(needed))
        return fail(ErrorCode::permission_denied,
                    "these limits, budgets and models take the permission `" + std::string(name_of(needed)) + "`");
    return LimitedBody{*std::move(fields), {*std::move(limits), *std::move(models)}};
}

void add_limits(Json& out, const Limits& limits) {
    for (const auto& amount : amounts) {
        const std::int64_t value = limits.*(amount.limit);
        out[amount.name] = value != 0 ? Json(value) : Json(nullptr);
    }
    out["budget"] = limits.budget ? Json(limits.budget->text()) : Json(nullptr);
    out["window"] = limits.window ? Json(name_of(*limits.window)) : Json(nullptr);
}

std::string stored_limits(const Limits& limits) {
    Json all = Json::object();
    add_limits(all, limits);
    Json out = Json::object();
    for (const auto& [name, value] : all.items()) {
        if (!value.is_null()) out[name] = value;
    }
    return out.dump();
}

Result<Limits> limits_from_stored(std::string_view text) {
    const auto parsed = json::parse(text, nullptr, false);
    if (!parsed.is_object()) return fail(ErrorCode::corrupt, "limits are not a JSON object");
    const auto change = limits_change_from(parsed);
    if (!change) return fail(ErrorCode::corrupt, change.error().message);
    Limits limits;
    change->apply(limits);
    return limits;
}

std::string settable_limits_schema() {
    std::string out;
    for (const auto& amount : amounts) {
        out += "\"" + std::string(amount.name) +
               R"(":{"type":["integer","null"],"minimum":0,"maximum":1000000000,"description":")" + amount.description +
               R"(; 0 or null = no limit"},)";
    }
    return out +
           R"("budget":{"type":["string","null"],"description":"`10 USD/day`, or per week, month or total; null = none"},)"
           R"("window":{"enum":["sliding","bucket",null],"description":"how a minute is counted; null = sliding"})";
}

std::string shown_limits_schema() {
    std::string out;
    for (const auto& amount : amounts) {
        out += "\"" + std::string(amount.name) + R"(":{"type":["integer","null"],"description":")" +
               amount.description + R"("},)";
    }
    return out + R"("budget":{"type":["string","null"]},"window":{"enum":["sliding","bucket",null]})";
}

std::string required_limits_schema() {
    std::string out;
    for (const auto field : limit_fields()) out += (out.empty() ? "\"" : ",\"") + std::string(field) + "\"";
    return out;
}

}  // namespace lurus::identity
