#include "modules/provider/catalog/suggest.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "core/text/ascii.hpp"

namespace lurus::provider {
namespace {

constexpr std::size_t longest = 64;
constexpr std::size_t names_compared = 300;

std::size_t edits(std::string_view a, std::string_view b) {
    std::array<std::size_t, longest + 1> row{};
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i);
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = diagonal + (lower(a[i - 1]) == lower(b[j - 1]) ? 0 : 1);
            diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, replaced}));
        }
    }
    return row[b.size()];
}

}  // namespace

std::vector<std::string> nearest(const std::vector<std::string>& names, std::string_view wanted, std::size_t most) {
    std::vector<std::pair<std::size_t, const std::string*>> close;
    if (wanted.empty() || wanted.size() > longest) return {};
    for (std::size_t i = 0; i < std::min(names.size(), names_compared); ++i) {
        const std::string& name = names[i];
        if (name.empty() || name.size() > longest) continue;
        std::size_t distance = edits(wanted, name);
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
