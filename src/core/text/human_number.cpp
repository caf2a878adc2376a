#include "core/text/human_number.hpp"

#include <algorithm>

#include "core/text/ascii.hpp"
#include "core/text/number.hpp"

namespace lurus {
namespace {

constexpr std::size_t longest = 40;

/// The digits of a whole part without its separators; empty when one stands where none may.
std::string without_separators(std::string_view text) {
    std::string digits;
    std::size_t group = 0;  // digits since the last separator
    char separator = 0;
    for (const char c : text) {
        if (is_digit(c)) {
            digits += c;
            ++group;
            continue;
        }
        const bool misplaced = group == 0 || (separator != 0 && separator != c);
        // `1,000`, but neither `1000,000` nor `1,5`.
        const bool uneven = c == ',' && (separator == 0 ? group > 3 : group != 3);
        if ((c != '_' && c != ',') || misplaced || uneven) return {};
        separator = c;
        group = 0;
    }
    if (group == 0 || (separator == ',' && group != 3)) return {};
    return digits;
}

int zeros_of(char suffix) {
    switch (lower(suffix)) {
        case 'k': return 3;
        case 'm': return 6;
        case 'g': return 9;
        default: return 0;
    }
}

}  // namespace

std::optional<std::string> plain_decimal(std::string_view text) {
    if (text.empty() || text.size() > longest) return std::nullopt;
    const int zeros = zeros_of(text.back());
    if (zeros > 0) {
        text.remove_suffix(1);
        while (text.ends_with(' ')) text.remove_suffix(1);
    }
    const auto dot = text.find('.');
    std::string whole = without_separators(text.substr(0, dot));
    std::string part(dot == std::string_view::npos ? std::string_view() : text.substr(dot + 1));
    if (whole.empty() || !std::ranges::all_of(part, is_digit)) return std::nullopt;
    if (dot != std::string_view::npos && part.empty()) return std::nullopt;
    for (int i = 0; i < zeros; ++i) {
        whole += part.empty() ? '0' : part.front();
        if (!part.empty()) part.erase(0, 1);
    }
    whole.erase(0, std::min(whole.find_first_not_of('0'), whole.size() - 1));
    return part.empty() ? whole : whole + "." + part;
}

std::optional<std::int64_t> human_number(std::string_view text, std::int64_t most) {
    auto plain = plain_decimal(text);
    if (!plain) return std::nullopt;
    if (const auto dot = plain->find('.'); dot != std::string::npos) {
        // Without a suffix a dot may be meant to separate thousands.
        const bool suffix = zeros_of(text.back()) > 0;
        if (!suffix || plain->find_first_not_of('0', dot + 1) != std::string::npos) return std::nullopt;
        plain->resize(dot);
    }
    return whole_number(*plain, 0, most);
}

}  // namespace lurus
