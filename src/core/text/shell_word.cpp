#include "core/text/shell_word.hpp"

#include <algorithm>

namespace lurus {

using platform::HomeStyle;

std::string shell_word(std::string_view text, HomeStyle style) {
    const bool windows = style == HomeStyle::windows;
    const std::string_view others = windows ? "-_./:\\" : "-_./:@%+=,";
    const bool plain = !text.empty() && std::ranges::all_of(text, [others](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               others.find(c) != std::string_view::npos;
    });
    if (plain) return std::string(text);
    const std::string_view quote = windows ? "''" : "'\\''";
    std::string out = "'";
    for (const char c : text) out += c == '\'' ? std::string(quote) : std::string(1, c);
    return out + "'";
}

std::string program_word(std::string_view path, HomeStyle style) {
    std::string word = shell_word(path, style);
    // To PowerShell a quoted word is a text, unless it is told to call it.
    return style == HomeStyle::windows && word.front() == '\'' ? "& " + word : word;
}

}  // namespace lurus
