#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "cli/cli_format.hpp"
#include "cli/cmd_action.hpp"
#include "cli/doctor.hpp"

namespace lurus::cli {
namespace {

using Level = Finding::Level;

constexpr UnixMicros one_day = 24LL * 3600 * 1'000'000;
constexpr std::int64_t fresh_days = 60;

// Whose list prices stand for what a provider of this kind costs; empty = nobody's.
std::string vendor_of(const std::string& kind) {
    static const std::map<std::string, std::string> others = {
        {"kimi", "moonshot"}, {"glm", "zhipu"},          {"zai", "zhipu"}, {"azure-openai", "openai"},
        {"demo", ""},         {"openai-compatible", ""}, {"new-api", ""},  {"ollama", ""},
        {"vllm", ""}};
    const auto at = others.find(kind);
    return at == others.end() ? kind : at->second;
}

}  // namespace

Finding check_price_age(UnixMicros now, const std::string& vendor, UnixMicros day) {
    const std::string date = format_time(day).substr(0, 10);
    const std::int64_t days = std::max<std::int64_t>(0, now - day) / one_day;
    if (now - day > fresh_days * one_day) {
        return {Level::warning, "prices", fmt::format("{}: looked up {}, {} days ago", vendor, date, days),
                "lurus prices import FILE (LiteLLM's list or genai-prices' data.json), or a newer version"};
    }
    return {Level::good, "prices", fmt::format("{}: looked up {}", vendor, date), ""};
}

std::vector<Finding> check_prices(Cli& cli) {
    auto providers = cli.get("/api/v1/providers");
    if (!providers) return {};  // check_providers says so
    std::set<std::string> vendors;
    for (const auto& p : list_of(*providers)) {
        if (std::string vendor = vendor_of(text_of(p, "kind")); !vendor.empty()) vendors.insert(vendor);
    }
    std::vector<Finding> out;
    for (const auto& vendor : vendors) {
        auto prices = all_pages(cli, "/api/v1/prices", {{"provider", vendor}});
        if (!prices) return {{Level::broken, "prices", prices.error().message, ""}};
        UnixMicros newest = 0;
        for (const auto& price : list_of(*prices)) {
            const std::string checked = text_of(price, "checked");
            newest = std::max(newest, parse_time(checked.empty() ? text_of(price, "from") : checked).value_or(0));
        }
        if (newest == 0)
            out.push_back({Level::warning, "prices", "none of " + vendor, "lurus prices import FILE"});
        else
            out.push_back(check_price_age(cli.clock.now(), vendor, newest));
    }
    return out;
}

}  // namespace lurus::cli
