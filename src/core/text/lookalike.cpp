#include "core/text/lookalike.hpp"

#include <cstdint>

#include "core/text/ascii.hpp"

namespace lurus {
namespace {

struct CodePoint {
    std::uint32_t value = 0;
    std::size_t length = 1;
    bool valid = true;
};

CodePoint code_point(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i])); };
    const std::uint32_t first = byte(0);
    if (first < 0x80) return {first, 1, true};
    const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || text.size() < length) return {first, 1, false};
    std::uint32_t value = first & (0xFFu >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xC0) != 0x80) return {first, 1, false};
        value = value << 6 | (byte(i) & 0x3F);
    }
    constexpr std::uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const bool valid = value >= least[length] && value <= 0x10FFFF && (value < 0xD800 || value > 0xDFFF);
    return {value, valid ? length : 1, valid};
}

struct Range {
    std::uint32_t from, to;
};

// White space, format characters, fillers, variation selectors and tags of Unicode.
constexpr Range unseen[] = {{0x00, 0x1F},     {0x7F, 0xA0},     {0xAD, 0xAD},      {0x034F, 0x034F}, {0x0600, 0x0605},
                            {0x061C, 0x061C}, {0x06DD, 0x06DD}, {0x070F, 0x070F},  {0x115F, 0x1160}, {0x1680, 0x1680},
                            {0x17B4, 0x17B5}, {0x180B, 0x180F}, {0x2000, 0x200F},  {0x2028, 0x202F}, {0x205F, 0x206F},
                            {0x2800, 0x2800}, {0x3000, 0x3000}, {0x3164, 0x3164},  {0xFE00, 0xFE0F}, {0xFEFF, 0xFEFF},
                            {0xFFA0, 0xFFA0}, {0xFFF0, 0xFFFF}, {0xE0000, 0xE0FFF}};

bool is_unseen(const CodePoint& point) {
    if (!point.valid) return true;
    for (const Range& range : unseen) {
        if (point.value >= range.from && point.value <= range.to) return true;
    }
    return false;
}

// The ASCII character that it is taken for; 0 = none.
char ascii_of(const CodePoint& point) {
    if (point.value < 0x80) return lower(static_cast<char>(point.value));
    if (!point.valid) return 0;
    if (point.value >= 0xFF01 && point.value <= 0xFF5E) return lower(static_cast<char>(point.value - 0xFEE0));
    if (point.value == 0x017F) return 's';
    if (point.value == 0x212A) return 'k';
    return 0;
}

}  // namespace

std::string folded(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
        if (static_cast<unsigned char>(text[at]) < 0x80) {
            out += lower(text[at++]);
            continue;
        }
        const CodePoint point = code_point(text.substr(at));
        if (const char c = ascii_of(point)) {
            out += c;
        } else {
            out.append(text.substr(at, point.length));
        }
        at += point.length;
    }
    return out;
}

std::string bare_name(std::string_view text) {
    std::string out;
    for (std::size_t at = 0; at < text.size() && text[at] != '\0';) {
        const CodePoint point = code_point(text.substr(at));
        if (const char c = ascii_of(point)) {
            if (is_digit(c) || (c >= 'a' && c <= 'z')) out += c;
        } else if (!is_unseen(point)) {
            out.append(text.substr(at, point.length));
        }
        at += point.length;
    }
    return out;
}

bool has_unseen(std::string_view text) {
    if (text.starts_with(' ') || text.ends_with(' ') || text.contains("  ")) return true;
    for (std::size_t at = 0; at < text.size();) {
        const CodePoint point = code_point(text.substr(at));
        if (is_unseen(point)) return true;
        at += point.length;
    }
    return false;
}

}  // namespace lurus
