#include "modules/provider/catalog/suggest.hpp"

#include <algorithm>
#include <utility>

#include "core/text/ascii.hpp"
#include "core/text/edit_distance.hpp"

namespace lurus::provider {
namespace {

constexpr std::size_t longest = 64;
constexpr std::size_t names_compared = 300;

}  // namespace

std::vector<std::string> nearest(const std::vector<std::string>& names, std::string_view wanted, std::size_t most) {
    std::vector<std::pair<std::size_t, const std::string*>> close;
    if (wanted.empty() || wanted.size() > longest) return {};
    const std::string asked = lower_case(wanted);
    for (std::size_t i = 0; i < std::min(names.size(), names_compared); ++i) {
        const std::string& name = names[i];
        if (name.empty() || name.size() > longest) continue;
        std::size_t distance = edit_distance(asked, lower_case(name));
        // `sonnet` for `claude-sonnet-4-5`, `claude-sonnet-4-5-20250929` for `claude-sonnet-4-5`.
        const bool inside = wanted.size() >= 4 && name.size() >= 4 && (name.contains(wanted) || wanted.contains(name));
        if (inside) distance = std::min<std::size_t>(distance, 3);
        if (distance <= std::max<std::size_t>(2, wanted.size() / 4) || inside) close.emplace_back(distance, &name);
    }
    std::ranges::stable_sort(close, {}, &std::pair<std::size_t, const std::string*>::first);
    std::vector<std::string> out;
    for (const auto& [distance, name] : close) {
        if (out.size() == most) break;
        out.push_back(*name);
    }
    return out;
}

std::string join_some(const std::vector<std::string>& names, std::size_t most) {
    std::string out;
    for (std::size_t i = 0; i < std::min(names.size(), most); ++i) {
        if (i > 0) out += ", ";
        out += names[i];
    }
    if (names.size() > most) out += " and " + std::to_string(names.size() - most) + " more";
    return out;
}

}  // namespace lurus::provider
