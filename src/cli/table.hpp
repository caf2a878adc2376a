#pragma once
// Aligned columns for a terminal. Pure: the width and whether colours are wanted are arguments.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lurus::cli {

/// Columns a text takes on a terminal: wide East Asian characters and emoji count 2, combining marks 0.
int display_width(std::string_view utf8);
/// Cut to `width` columns, with `…` at the end when something was cut.
std::string truncate_text(std::string_view utf8, int width);
/// Control characters and broken UTF-8 replaced: what others sent (a user agent, a model's name) cannot steer the
/// terminal.
std::string printable(std::string_view text);

enum class Color : std::uint8_t { none, bold, dim, red, green, yellow, cyan };
/// The text in that colour when `on`, else as it is.
std::string colored(std::string_view text, Color color, bool on);

struct Style {
    bool color = false;
    int width = 0;  // of the terminal; 0 = none, nothing is cut
};

enum class Align : std::uint8_t { left, right };

struct Column {
    std::string title;
    Align align = Align::left;
    int min_width = 0;  // how far it may shrink; 0 = it never does
    int drop = 0;       // above 0: left out when the terminal is too narrow, highest first
};

struct Cell {
    std::string text;
    Color color = Color::none;

    Cell() = default;
    Cell(std::string t, Color c = Color::none) : text(std::move(t)), color(c) {}
    Cell(const char* t, Color c = Color::none) : text(t), color(c) {}
    Cell(std::string_view t, Color c = Color::none) : text(t), color(c) {}
};
using Row = std::vector<Cell>;

class Table {
public:
    explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

    void add(Row row);
    /// Printed after a rule, such as totals.
    void add_footer(Row row) { footer_ = std::move(row); }
    [[nodiscard]] bool empty() const { return rows_.empty(); }

    /// Widths for these rows on that terminal; -1 = the column is left out. Reused by a live tail.
    [[nodiscard]] std::vector<int> layout(const Style& style) const;
    [[nodiscard]] std::string header(const std::vector<int>& widths, const Style& style) const;
    [[nodiscard]] std::string line(const Row& row, const std::vector<int>& widths, const Style& style) const;
    /// Header, rows and footer, each line ended by a newline.
    [[nodiscard]] std::string render(const Style& style) const;

private:
    std::vector<Column> columns_;
    std::vector<Row> rows_;
    Row footer_;
};

}  // namespace lurus::cli
