#include "modules/billing/tariff/model_name.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "core/text/ascii.hpp"

namespace lurus::billing {
namespace {

using Pair = std::pair<std::string_view, std::string_view>;

constexpr auto vendor_prefixes = std::to_array<Pair>({
    {"anthropic", "anthropic"}, {"openai", "openai"},        {"google", "gemini"},   {"gemini", "gemini"},
    {"deepseek", "deepseek"},   {"deepseek-ai", "deepseek"}, {"x-ai", "xai"},        {"xai", "xai"},
    {"mistralai", "mistral"},   {"mistral", "mistral"},      {"qwen", "qwen"},       {"dashscope", "qwen"},
    {"moonshotai", "moonshot"}, {"moonshot", "moonshot"},    {"z-ai", "zhipu"},      {"zai", "zhipu"},
    {"zai-org", "zhipu"},       {"zhipu", "zhipu"},          {"minimax", "minimax"}, {"minimaxai", "minimax"},
});

constexpr auto makers = std::to_array<std::string_view>(
    {"anthropic", "openai", "gemini", "deepseek", "xai", "mistral", "qwen", "moonshot", "zhipu", "minimax"});

bool all_digits(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

int two_digits(std::string_view text) {
    return (text[0] - '0') * 10 + (text[1] - '0');
}

// `20250929`: a day of this century.
bool is_day(std::string_view digits) {
    if (digits.size() != 8 || !all_digits(digits) || !digits.starts_with("20")) return false;
    const int month = two_digits(digits.substr(4)), day = two_digits(digits.substr(6));
    return month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

}  // namespace

std::string_view without_snapshot(std::string_view name) {
    for (const std::string_view suffix : {"-latest", "@latest", "@default"}) {
        if (name.size() > suffix.size() && name.ends_with(suffix)) return name.substr(0, name.size() - suffix.size());
    }
    if (name.size() > 9) {
        const char before = name[name.size() - 9];
        if ((before == '-' || before == '@') && is_day(name.substr(name.size() - 8)))
            return name.substr(0, name.size() - 9);
    }
    if (name.size() > 11 && name[name.size() - 11] == '-' && name[name.size() - 6] == '-' &&
        name[name.size() - 3] == '-') {
        const auto date = name.substr(name.size() - 10);
        const std::string digits =
            std::string(date.substr(0, 4)) + std::string(date.substr(5, 2)) + std::string(date.substr(8, 2));
        if (is_day(digits)) return name.substr(0, name.size() - 11);
    }
    return name;
}

VendorAndName split_vendor(std::string_view name) {
    if (name.starts_with("models/")) return {"gemini", name.substr(7)};
    if (name.starts_with("publishers/google/models/")) return {"gemini", name.substr(25)};
    if (name.starts_with("publishers/anthropic/models/")) return {"anthropic", name.substr(28)};
    const auto slash = name.find('/');
    if (slash == name.npos) return {{}, name};
    const auto at = std::ranges::find(vendor_prefixes, name.substr(0, slash), &Pair::first);
    if (at == vendor_prefixes.end()) return {{}, name};
    return {at->second, name.substr(slash + 1)};
}

PriceSources sources_for(std::string_view kind) {
    if (kind == "anthropic" || kind == "openai" || kind == "gemini") return {kind, {}, true};
    if (kind == "azure-openai") return {"azure-openai", "openai", false};
    if (kind == "kimi") return {"moonshot", {}, false};
    if (kind == "glm" || kind == "zai") return {"zhipu", {}, false};
    if (kind == "openai-compatible" || kind == "new-api" || kind == "demo") return {{}, {}, true};
    if (kind == "ollama" || kind == "vllm") return {};
    return {kind, {}, false};
}

int maker_rank(std::string_view vendor) {
    const auto at = std::ranges::find(makers, vendor);
    return at == makers.end() ? -1 : static_cast<int>(at - makers.begin());
}

std::string service_name(std::string_view said) {
    std::string name = lower_case(said);
    std::ranges::replace(name, '-', '_');
    if (name.starts_with("on_demand_")) name.erase(0, 10);
    if (name.empty() || name == "default" || name == "auto" || name == "on_demand") return "standard";
    return name;
}

}  // namespace lurus::billing
