#pragma once

#include <string>
#include <string_view>

namespace lurus {

/// Parsers quote what they stumbled over, which may be a secret: every quoted part becomes `...`.
inline std::string without_quotes(std::string_view text) {
    std::string out;
    bool inside = false;
    for (const char c : text) {
        if (c == '\'' || c == '"') {
            if (!inside) out += "...";
            inside = !inside;
        } else if (!inside) {
            out += c;
        }
    }
    return out;
}

}  // namespace lurus
