#include "cli/table.hpp"

#include <algorithm>
#include <array>

namespace lurus::cli {
namespace {

constexpr char32_t bad_rune = 0xFFFD;
constexpr int gap = 2;

/// Takes one character off the front; broken UTF-8 gives U+FFFD and takes one byte.
char32_t next_rune(std::string_view& text) {
    auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    unsigned char lead = byte(0);
    std::size_t length = lead < 0x80                   ? 1
                         : lead >= 0xC2 && lead < 0xE0 ? 2
                         : (lead & 0xF0) == 0xE0       ? 3
                         : lead >= 0xF0 && lead < 0xF5 ? 4
                                                       : 0;
    if (length == 0 || text.size() < length) {
        text.remove_prefix(1);
        return bad_rune;
    }
    constexpr std::array<unsigned char, 5> masks = {0, 0x7F, 0x1F, 0x0F, 0x07};
    char32_t rune = lead & masks[length];
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xC0) != 0x80) {
            text.remove_prefix(1);
            return bad_rune;
        }
        rune = (rune << 6) | (byte(i) & 0x3F);
    }
    text.remove_prefix(length);
    bool overlong = (length == 3 && rune < 0x800) || (length == 4 && rune < 0x10000);
    bool surrogate = rune >= 0xD800 && rune < 0xE000;
    return overlong || surrogate || rune > 0x10FFFF ? bad_rune : rune;
}

bool in(char32_t rune, char32_t first, char32_t last) {
    return rune >= first && rune <= last;
}

int rune_width(char32_t r) {
    if (r == 0x200D || in(r, 0x300, 0x36F) || in(r, 0x200B, 0x200F) || in(r, 0x20D0, 0x20FF) || in(r, 0xFE00, 0xFE0F) ||
        in(r, 0xFE20, 0xFE2F)) {
        return 0;
    }
    bool wide = in(r, 0x1100, 0x115F) || in(r, 0x2E80, 0x303E) || in(r, 0x3041, 0xA4CF) || in(r, 0xAC00, 0xD7A3) ||
                in(r, 0xF900, 0xFAFF) || in(r, 0xFE30, 0xFE6F) || in(r, 0xFF00, 0xFF60) || in(r, 0xFFE0, 0xFFE6) ||
                in(r, 0x1F300, 0x1F64F) || in(r, 0x1F680, 0x1F6FF) || in(r, 0x1F900, 0x1F9FF) ||
                in(r, 0x20000, 0x3FFFD);
    return wide ? 2 : 1;
}

/// Controls, and the marks that reorder text on screen.
bool is_unprintable(char32_t r) {
    return r < 0x20 || in(r, 0x7F, 0x9F) || in(r, 0x202A, 0x202E) || in(r, 0x2066, 0x2069) || r == bad_rune;
}

std::string_view code_of(Color color) {
    switch (color) {
        case Color::bold: return "\x1b[1m";
        case Color::dim: return "\x1b[2m";
        case Color::red: return "\x1b[31m";
        case Color::green: return "\x1b[32m";
        case Color::yellow: return "\x1b[33m";
        case Color::cyan: return "\x1b[36m";
        case Color::none: break;
    }
    return "";
}

int total_width(const std::vector<int>& widths) {
    int total = 0;
    for (int w : widths) total += w >= 0 ? w + gap : 0;
    return std::max(0, total - gap);
}

}  // namespace

int display_width(std::string_view utf8) {
    int width = 0;
    while (!utf8.empty()) width += rune_width(next_rune(utf8));
    return width;
}

std::string truncate_text(std::string_view utf8, int width) {
    if (display_width(utf8) <= width) return std::string(utf8);
    if (width <= 0) return {};
    int used = 0;
    std::string_view rest = utf8;
    while (!rest.empty()) {
        std::string_view before = rest;
        int w = rune_width(next_rune(rest));
        if (used + w > width - 1) {
            rest = before;
            break;
        }
        used += w;
    }
    return std::string(utf8.substr(0, utf8.size() - rest.size())) + "…";
}

std::string printable(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        std::string_view before = text;
        char32_t rune = next_rune(text);
        if (is_unprintable(rune)) {
            out += "\xEF\xBF\xBD";
        } else {
            out += before.substr(0, before.size() - text.size());
        }
    }
    return out;
}

std::string colored(std::string_view text, Color color, bool on) {
    if (!on || color == Color::none || text.empty()) return std::string(text);
    return std::string(code_of(color)) + std::string(text) + "\x1b[0m";
}

void Table::add(Row row) {
    row.resize(columns_.size());
    rows_.push_back(std::move(row));
}

std::vector<int> Table::layout(const Style& style) const {
    std::vector<int> widths(columns_.size());
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        widths[i] = display_width(columns_[i].title);
        for (const auto& row : rows_) widths[i] = std::max(widths[i], display_width(printable(row[i].text)));
        if (i < footer_.size()) widths[i] = std::max(widths[i], display_width(printable(footer_[i].text)));
    }
    if (style.width <= 0) return widths;

    auto smallest = [&](std::size_t i) {
        return columns_[i].min_width > 0 ? std::min(widths[i], columns_[i].min_width) : widths[i];
    };
    while (true) {
        std::vector<int> least(widths);
        for (std::size_t i = 0; i < least.size(); ++i) least[i] = widths[i] < 0 ? -1 : smallest(i);
        if (total_width(least) <= style.width) break;
        std::size_t victim = columns_.size();
        for (std::size_t i = 0; i < columns_.size(); ++i) {
            if (widths[i] < 0 || columns_[i].drop <= 0) continue;
            if (victim == columns_.size() || columns_[i].drop > columns_[victim].drop) victim = i;
        }
        if (victim == columns_.size()) break;
        widths[victim] = -1;
    }
    while (total_width(widths) > style.width) {
        std::size_t widest = columns_.size();
        for (std::size_t i = 0; i < columns_.size(); ++i) {
            if (widths[i] < 0 || widths[i] <= smallest(i)) continue;
            if (widest == columns_.size() || widths[i] > widths[widest]) widest = i;
        }
        if (widest == columns_.size()) break;
        --widths[widest];
    }
    return widths;
}

std::string Table::header(const std::vector<int>& widths, const Style& style) const {
    Row titles;
    for (const auto& column : columns_) titles.emplace_back(column.title, Color::dim);
    return line(titles, widths, style);
}

std::string Table::line(const Row& row, const std::vector<int>& widths, const Style& style) const {
    std::string out;
    bool first = true;
    int pending = 0;  // spaces are written before the next text only, so that no line ends in them
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        if (widths[i] < 0) continue;
        if (!first) pending += gap;
        first = false;
        static const Cell none;
        const Cell& cell = i < row.size() ? row[i] : none;
        std::string text = printable(cell.text);
        if (style.width > 0) text = truncate_text(text, widths[i]);
        int fill = std::max(0, widths[i] - display_width(text));
        if (columns_[i].align == Align::right) pending += fill;
        if (!text.empty()) {
            out.append(static_cast<std::size_t>(pending), ' ');
            pending = 0;
            out += colored(text, cell.color, style.color);
        }
        if (columns_[i].align == Align::left) pending += fill;
    }
    return out + "\n";
}

std::string Table::render(const Style& style) const {
    std::vector<int> widths = layout(style);
    std::string out = header(widths, style);
    for (const auto& row : rows_) out += line(row, widths, style);
    if (!footer_.empty()) {
        std::string rule;
        for (int i = 0; i < total_width(widths); ++i) rule += "─";
        out += colored(rule, Color::dim, style.color) + "\n" + line(footer_, widths, style);
    }
    return out;
}

}  // namespace lurus::cli
