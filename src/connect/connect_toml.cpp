#include <toml++/toml.h>
#include <algorithm>
#include <sstream>

#include "connect/connect_format.hpp"

namespace lurus::connect {
namespace {

struct Statement {
    enum class Kind : std::uint8_t { header, array_header, pair } kind = Kind::pair;
    SettingPath path;                // whole, from the root
    std::size_t begin = 0, end = 0;  // its lines, with the last newline
    std::size_t value_begin = 0, value_end = 0;
};

Result<toml::table> parse(std::string_view text) {
#if TOML_EXCEPTIONS
    try {
        return toml::parse(text);
    } catch (const toml::parse_error& e) {
        return fail(ErrorCode::invalid_argument, "line " + std::to_string(e.source().begin.line) + ":" +
                                                     std::to_string(e.source().begin.column) +
                                                     ": not TOML: " + std::string(e.description()));
    }
#else
    auto parsed = toml::parse(text);
    if (parsed) return std::move(parsed).table();
    const auto& e = parsed.error();
    return fail(ErrorCode::invalid_argument, "line " + std::to_string(e.source().begin.line) + ":" +
                                                 std::to_string(e.source().begin.column) +
                                                 ": not TOML: " + std::string(e.description()));
#endif
}

/// Splits text that toml++ has accepted into its statements; so it need not find errors itself.
class Splitter {
public:
    explicit Splitter(std::string_view text) : text_(text) {}

    std::vector<Statement> run() {
        std::vector<Statement> out;
        SettingPath table;
        if (text_.starts_with("\xEF\xBB\xBF")) pos_ = 3;
        while (pos_ < text_.size()) {
            std::size_t begin = pos_;
            skip_blank();
            if (peek() == '#' || peek() == '\r' || peek() == '\n' || pos_ >= text_.size()) {
                to_next_line();
                continue;
            }
            Statement s;
            s.begin = begin;
            if (peek() == '[') {
                bool array = text_.substr(pos_, 2) == "[[";
                pos_ += array ? 2 : 1;
                table = key();
                s.kind = array ? Statement::Kind::array_header : Statement::Kind::header;
                s.path = table;
            } else {
                s.path = table;
                for (auto& name : key()) s.path.push_back(std::move(name));
                ++pos_;  // =
                skip_blank();
                s.value_begin = pos_;
                value();
                s.value_end = pos_;
            }
            to_next_line();
            s.end = pos_;
            out.push_back(std::move(s));
        }
        return out;
    }

private:
    [[nodiscard]] char peek() const { return pos_ < text_.size() ? text_[pos_] : '\0'; }
    void skip_blank() {
        while (peek() == ' ' || peek() == '\t') ++pos_;
    }
    void to_next_line() {
        std::size_t newline = text_.find('\n', pos_);
        pos_ = newline == std::string_view::npos ? text_.size() : newline + 1;
    }

    /// Ends on `=` or after `]`.
    SettingPath key() {
        SettingPath path;
        while (pos_ < text_.size()) {
            skip_blank();
            std::size_t begin = pos_;
            if (peek() == '"' || peek() == '\'') {
                string();
                path.push_back(toml_settings().unquote(text_.substr(begin, pos_ - begin)));
            } else {
                while (pos_ < text_.size() && std::string_view(".= \t]\r\n").find(peek()) == std::string_view::npos)
                    ++pos_;
                path.emplace_back(text_.substr(begin, pos_ - begin));
            }
            skip_blank();
            if (peek() != '.') return path;
            ++pos_;
        }
        return path;
    }

    void string() {
        char quote = peek();
        std::string three(3, quote);
        bool multi = text_.substr(pos_, 3) == three;
        pos_ += multi ? 3 : 1;
        while (pos_ < text_.size()) {
            if (quote == '"' && peek() == '\\') {
                pos_ += 2;
            } else if (!multi && peek() == quote) {
                ++pos_;
                return;
            } else if (multi && text_.substr(pos_, 3) == three) {
                pos_ += 3;
                while (peek() == quote) ++pos_;  // up to two quotes may stand before the closing three
                return;
            } else {
                ++pos_;
            }
        }
        pos_ = text_.size();
    }

    void value() {
        int nesting = 0;
        while (pos_ < text_.size()) {
            char c = peek();
            if (c == '"' || c == '\'') {
                string();
                continue;
            }
            if (c == '[' || c == '{') ++nesting;
            if (c == ']' || c == '}') --nesting;
            if (c == '#') {
                if (nesting == 0) break;
                pos_ = std::min(text_.find('\n', pos_), text_.size());
                continue;
            }
            if (nesting == 0 && (c == '\n' || c == '\r')) break;
            ++pos_;
        }
        while (pos_ > 0 && (text_[pos_ - 1] == ' ' || text_[pos_ - 1] == '\t')) --pos_;
    }

    std::string_view text_;
    std::size_t pos_ = 0;
};

Result<std::vector<Statement>> statements(std::string_view text) {
    auto parsed = parse(text);
    if (!parsed) return std::unexpected(parsed.error());
    return Splitter(text).run();
}

const Statement* find_pair(const std::vector<Statement>& all, const SettingPath& path) {
    for (const auto& s : all) {
        if (s.kind == Statement::Kind::pair && s.path == path) return &s;
    }
    return nullptr;
}

SettingPath table_of(const SettingPath& path) {
    return SettingPath(path.begin(), path.end() - 1);
}

std::string bare_or_quoted(const std::string& name) {
    bool bare = !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '_' || c == '-';
    });
    return bare ? name : toml_settings().quote(name);
}

std::string header_line(const SettingPath& table) {
    std::string out = "[";
    for (const auto& name : table) out += (out.size() > 1 ? "." : "") + bare_or_quoted(name);
    return out + "]";
}

void end_line(std::string& text, std::string_view newline) {
    if (!text.empty() && text != "\xEF\xBB\xBF" && text.back() != '\n') text += newline;
}

/// After the last pair of the root, else below the comments that open the file.
std::size_t root_insertion(std::string_view text, const std::vector<Statement>& all) {
    std::size_t at = std::string_view::npos;
    for (const auto& s : all) {
        if (s.kind != Statement::Kind::pair) break;
        at = s.end;
    }
    if (at != std::string_view::npos) return at;
    std::size_t limit = all.empty() ? text.size() : all.front().begin;
    std::size_t pos = text.starts_with("\xEF\xBB\xBF") ? 3 : 0;
    std::size_t below = pos;
    while (pos < limit) {
        std::size_t first = text.find_first_not_of(" \t", pos);
        if (first == std::string_view::npos || text[first] != '#') break;
        std::size_t newline = text.find('\n', first);
        pos = newline == std::string_view::npos ? text.size() : newline + 1;
        below = pos;
    }
    // Comments that touch the first table belong to it.
    return below == limit && !all.empty() ? (text.starts_with("\xEF\xBB\xBF") ? 3 : 0) : below;
}

class TomlSettings final : public SettingsFormat {
public:
    Result<void> check(std::string_view text) const override {
        auto parsed = parse(text);
        if (!parsed) return std::unexpected(parsed.error());
        return {};
    }

    Result<std::optional<std::string>> get(std::string_view text, const SettingPath& path) const override {
        auto all = statements(text);
        if (!all) return std::unexpected(all.error());
        const Statement* s = find_pair(*all, path);
        if (s == nullptr) return std::optional<std::string>();
        return std::optional(std::string(text.substr(s->value_begin, s->value_end - s->value_begin)));
    }

    Result<std::string> set(std::string_view text, const SettingPath& path, std::string_view raw) const override {
        auto all = statements(text);
        if (!all) return std::unexpected(all.error());
        std::string out(text);
        if (const Statement* s = find_pair(*all, path)) {
            out.replace(s->value_begin, s->value_end - s->value_begin, raw);
        } else {
            out = path.size() == 1 ? add_to_root(text, *all, path, raw) : add_to_table(text, *all, path, raw);
        }
        auto reparsed = parse(out);
        if (!reparsed) {
            return fail(ErrorCode::invalid_argument, dotted(table_of(path)) + " is written inline, where " +
                                                         path.back() + " cannot be added: write it as a table " +
                                                         header_line(table_of(path)));
        }
        return out;
    }

    Result<std::string> remove(std::string_view text, const SettingPath& path, std::size_t keep_depth) const override {
        auto all = statements(text);
        if (!all) return std::unexpected(all.error());
        std::string out(text);
        const Statement* s = find_pair(*all, path);
        if (s == nullptr) return out;
        out.erase(s->begin, s->end - s->begin);
        // The blank line that set it apart from the first table.
        bool alone =
            path.size() == 1 && s == &all->front() && (all->size() == 1 || (*all)[1].kind != Statement::Kind::pair);
        if (alone && s->begin == (text.starts_with("\xEF\xBB\xBF") ? 3u : 0u)) {
            std::string_view rest = std::string_view(out).substr(s->begin);
            out.erase(s->begin, rest.starts_with("\r\n") ? 2 : rest.starts_with("\n") ? 1 : 0);
        }
        if (path.size() - 1 <= keep_depth) return out;
        return drop_empty_table(out, table_of(path));
    }

    Result<std::size_t> depth(std::string_view text, const SettingPath& path) const override {
        auto all = statements(text);
        if (!all) return std::unexpected(all.error());
        std::size_t depth = 0;
        for (const auto& s : *all) {
            std::size_t common = 0;
            std::size_t names = s.kind == Statement::Kind::pair ? s.path.size() - 1 : s.path.size();
            while (common < names && common + 1 < path.size() && s.path[common] == path[common]) ++common;
            depth = std::max(depth, common);
        }
        return depth;
    }

    std::string quote(std::string_view value) const override {
        std::string out = "\"";
        for (char c : value) {
            if (c == '"' || c == '\\') out += '\\';
            if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
                constexpr char digits[] = "0123456789abcdef";
                out += std::string("\\u00") + digits[(c >> 4) & 0xF] + digits[c & 0xF];
            } else {
                out += c;
            }
        }
        return out + "\"";
    }

    std::string unquote(std::string_view raw) const override {
        auto parsed = parse("x = " + std::string(raw) + "\n");
        if (!parsed) return std::string(raw);
        return (*parsed)["x"].value<std::string>().value_or(std::string(raw));
    }

    bool is_blank(std::string_view text) const override {
        return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
    }

private:
    static std::string add_to_root(std::string_view text, const std::vector<Statement>& all, const SettingPath& path,
                                   std::string_view raw) {
        std::string out(text);
        std::string newline(newline_of(text));
        std::string added = bare_or_quoted(path.front()) + " = " + std::string(raw) + newline;
        std::size_t at = root_insertion(text, all);
        bool first_pair = all.empty() || all.front().kind != Statement::Kind::pair;
        if (first_pair && at < out.size() && out[at] != '\n' && out[at] != '\r') added += newline;
        if (at == out.size()) {
            end_line(out, newline);
            return out + added;
        }
        return out.insert(at, added);
    }

    static std::string add_to_table(std::string_view text, const std::vector<Statement>& all, const SettingPath& path,
                                    std::string_view raw) {
        std::string out(text);
        std::string newline(newline_of(text));
        std::string added = bare_or_quoted(path.back()) + " = " + std::string(raw) + newline;
        SettingPath table = table_of(path);
        auto header = std::find_if(all.begin(), all.end(), [&](const Statement& s) {
            return s.kind == Statement::Kind::header && s.path == table;
        });
        if (header == all.end()) {
            end_line(out, newline);
            if (!out.empty() && out != "\xEF\xBB\xBF") out += newline;
            return out + header_line(table) + newline + added;
        }
        std::size_t at = header->end;
        for (auto s = header + 1; s != all.end() && s->kind == Statement::Kind::pair; ++s) at = s->end;
        if (at == out.size()) {
            end_line(out, newline);
            return out + added;
        }
        return out.insert(at, added);
    }

    /// A table whose last pair went; kept when a comment lives in it or tables below it stand in its name.
    static Result<std::string> drop_empty_table(const std::string& text, const SettingPath& table) {
        auto all = statements(text);
        if (!all) return std::unexpected(all.error());
        for (std::size_t i = 0; i < all->size(); ++i) {
            const Statement& s = (*all)[i];
            if (s.kind != Statement::Kind::header || s.path != table) continue;
            std::size_t next = i + 1 < all->size() ? (*all)[i + 1].begin : text.size();
            bool has_pairs = i + 1 < all->size() && (*all)[i + 1].kind == Statement::Kind::pair;
            if (has_pairs || text.substr(s.end, next - s.end).find_first_not_of(" \t\r\n") != std::string::npos)
                return text;
            std::size_t begin = s.begin;
            if (begin >= 2 && text[begin - 1] == '\n' && text[begin - 2] == '\n')
                begin -= 1;
            else if (begin >= 4 && text.substr(begin - 4, 4) == "\r\n\r\n")
                begin -= 2;
            return text.substr(0, begin) + text.substr(s.end);
        }
        return text;
    }
};

}  // namespace

const SettingsFormat& toml_settings() {
    static const TomlSettings format;
    return format;
}

}  // namespace lurus::connect
