#include "modules/billing/tariff/imported.hpp"

#include <algorithm>
#include <map>

#include "modules/billing/tariff/genai_prices.hpp"
#include "modules/billing/tariff/litellm.hpp"

namespace lurus::billing {

Result<ImportedPrices> read_imported(std::string_view json, UnixMicros from) {
    constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
    if (json.starts_with(byte_order_mark)) json.remove_prefix(byte_order_mark.size());
    return is_genai_prices(json) ? read_genai_prices(json, from) : read_litellm(json, from);
}

std::string vendor_of_list(std::string_view provider) {
    static const std::map<std::string_view, std::string_view> ours = {{"text-completion-openai", "openai"},
                                                                      {"azure", "azure-openai"},
                                                                      {"azure_text", "azure-openai"},
                                                                      {"dashscope", "qwen"},
                                                                      {"zai", "zhipu"},
                                                                      {"zhipuai", "zhipu"},
                                                                      {"google", "gemini"},
                                                                      {"x-ai", "xai"},
                                                                      {"moonshotai", "moonshot"},
                                                                      {"aws", "bedrock"}};
    const auto at = ours.find(provider);
    return std::string(at == ours.end() ? provider : at->second);
}

bool all_zero(const std::vector<Service>& services) {
    return std::ranges::all_of(services, [](const Service& service) {
        return std::ranges::all_of(service.tiers, [](const Tier& tier) {
            return std::ranges::all_of(tier.rates.pico, [](std::int64_t pico) { return pico <= 0; });
        });
    });
}

}  // namespace lurus::billing
