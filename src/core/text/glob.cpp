#include "core/text/glob.hpp"

#include <cstddef>
#include <utility>
#include <vector>

namespace lurus {
namespace {

std::size_t character_length(std::string_view text, std::size_t at) {
    std::size_t length = 1;
    while (at + length < text.size() && (static_cast<unsigned char>(text[at + length]) & 0xC0) == 0x80) ++length;
    return length;
}

}  // namespace

bool glob_match(std::string_view pattern, std::string_view text) {
    std::size_t p = 0;
    std::size_t t = 0;
    std::size_t star = std::string_view::npos;
    std::size_t resume = 0;
    // Only the last star is ever retried: what earlier stars took can stay as it is.
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            resume = t;
        } else if (p < pattern.size() && pattern[p] == '?') {
            ++p;
            t += character_length(text, t);
        } else if (p < pattern.size() && pattern[p] == text[t]) {
            ++p;
            ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            resume += character_length(text, resume);
            t = resume;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

bool glob_covers(std::string_view wider, std::string_view pattern) {
    // covers[i]: what was read of `wider` so far matches the first i bytes of `pattern`, stars as themselves.
    std::vector<bool> covers(pattern.size() + 1, false);
    covers[0] = true;
    for (const char c : wider) {
        std::vector<bool> next(pattern.size() + 1, false);
        next[0] = c == '*' && covers[0];
        for (std::size_t i = 0; i < pattern.size(); ++i) {
            if (c == '*') {
                next[i + 1] = covers[i + 1] || next[i];
            } else if (c == '?') {
                if (covers[i] && pattern[i] != '*') next[i + character_length(pattern, i)] = true;
            } else {
                next[i + 1] = covers[i] && pattern[i] == c;
            }
        }
        covers = std::move(next);
    }
    return covers[pattern.size()];
}

bool is_glob(std::string_view pattern) {
    return pattern.find_first_of("*?") != std::string_view::npos;
}

std::string_view glob_prefix(std::string_view pattern) {
    return pattern.substr(0, pattern.find_first_of("*?"));
}

}  // namespace lurus
