#include <algorithm>

#include "connect/connect_format.hpp"

namespace lurus::connect {
namespace {

struct Line {
    std::size_t begin = 0, end = 0;  // with its newline
    std::string_view name;           // empty: a comment or blank
    std::size_t value_begin = 0, value_end = 0;
};

std::vector<Line> lines_of(std::string_view text) {
    std::vector<Line> out;
    std::size_t pos = text.starts_with("\xEF\xBB\xBF") ? 3 : 0;
    while (pos < text.size()) {
        Line line;
        line.begin = pos;
        std::size_t newline = text.find('\n', pos);
        line.end = newline == std::string_view::npos ? text.size() : newline + 1;
        pos = line.end;
        std::string_view body = text.substr(line.begin, line.end - line.begin);
        std::size_t name = body.find_first_not_of(" \t");
        if (name != std::string_view::npos && body.substr(name).starts_with("export ")) {
            name = body.find_first_not_of(" \t", name + 6);
        }
        std::size_t equals = body.find('=');
        if (name != std::string_view::npos && body[name] != '#' && equals != std::string_view::npos && equals > name) {
            std::string_view word = body.substr(name, equals - name);
            line.name = word.substr(0, word.find_last_not_of(" \t") + 1);
            std::size_t value = std::min(body.find_first_not_of(" \t", equals + 1), body.size());
            std::size_t last = body.find_last_not_of(" \t\r\n");
            line.value_begin = line.begin + value;
            line.value_end = line.begin + std::max(value, last + 1);
            if (value < body.size() && (body[value] == '\n' || body[value] == '\r')) line.value_end = line.value_begin;
        }
        out.push_back(line);
    }
    return out;
}

/// Readers take the last of a repeated name.
std::optional<Line> find(std::string_view text, const std::string& name) {
    std::optional<Line> found;
    for (const auto& line : lines_of(text)) {
        if (line.name == name) found = line;
    }
    return found;
}

class EnvSettings final : public SettingsFormat {
public:
    Result<void> check(std::string_view text) const override {
        if (text.find('\0') != std::string_view::npos)
            return fail(ErrorCode::invalid_argument, "line " + line_and_column(text, text.find('\0')) + ": not text");
        return {};
    }

    Result<std::optional<std::string>> get(std::string_view text, const SettingPath& path) const override {
        auto line = find(text, path.back());
        if (!line) return std::optional<std::string>();
        return std::optional(std::string(text.substr(line->value_begin, line->value_end - line->value_begin)));
    }

    Result<std::string> set(std::string_view text, const SettingPath& path, std::string_view raw) const override {
        std::string out(text);
        if (auto line = find(text, path.back()))
            return out.replace(line->value_begin, line->value_end - line->value_begin, raw);
        std::string newline(newline_of(text));
        if (!out.empty() && out != "\xEF\xBB\xBF" && out.back() != '\n') out += newline;
        return out + path.back() + "=" + std::string(raw) + newline;
    }

    Result<std::string> remove(std::string_view text, const SettingPath& path, std::size_t) const override {
        std::string out(text);
        while (auto line = find(out, path.back())) out.erase(line->begin, line->end - line->begin);
        return out;
    }

    Result<std::size_t> depth(std::string_view, const SettingPath&) const override { return 0; }

    std::string quote(std::string_view value) const override {
        bool plain = std::all_of(value.begin(), value.end(), [](unsigned char c) {
            return std::isalnum(c) != 0 ||
                   std::string_view("_-./:@%+,[]").find(static_cast<char>(c)) != std::string_view::npos;
        });
        if (plain) return std::string(value);
        char quote = value.find('\'') == std::string_view::npos ? '\'' : '"';
        return quote + std::string(value) + quote;
    }

    std::string unquote(std::string_view raw) const override {
        for (char quote : {'"', '\'', '`'}) {
            if (raw.size() >= 2 && raw.front() == quote) {
                std::size_t close = raw.find(quote, 1);
                if (close != std::string_view::npos) return std::string(raw.substr(1, close - 1));
            }
        }
        std::string_view value = raw.substr(0, raw.find('#'));
        std::size_t last = value.find_last_not_of(" \t");
        return std::string(value.substr(0, last == std::string_view::npos ? 0 : last + 1));
    }

    bool is_blank(std::string_view text) const override {
        return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
    }
};

}  // namespace

const SettingsFormat& env_settings() {
    static const EnvSettings format;
    return format;
}

}  // namespace lurus::connect
