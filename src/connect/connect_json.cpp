#include <algorithm>
#include <nlohmann/json.hpp>

#include "connect/connect_format.hpp"

namespace lurus::connect {
namespace {

struct Member {
    std::string name;
    std::size_t begin = 0;  // of the name's quote
    std::size_t value_begin = 0, value_end = 0;
    std::optional<std::size_t> comma;  // where the comma after it stands
};

struct Object {
    std::size_t open = 0, close = 0;  // the braces
    std::vector<Member> members;

    [[nodiscard]] const Member* find(std::string_view name) const {
        for (auto it = members.rbegin(); it != members.rend(); ++it) {  // readers take the last of a repeated name
            if (it->name == name) return &*it;
        }
        return nullptr;
    }
};

struct Malformed {
    std::size_t at;
    const char* why;
    const char* what = "not JSON: ";
};

/// Walks JSON with comments; throws Malformed, which never leaves this file.
class Scanner {
public:
    explicit Scanner(std::string_view text) : text_(text) {}

    std::size_t pos = 0;

    void skip_space() {
        if (pos == 0 && text_.starts_with("\xEF\xBB\xBF")) pos = 3;
        while (pos < text_.size()) {
            char c = text_[pos];
            if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
                ++pos;
            } else if (text_.substr(pos, 2) == "//") {
                pos = std::min(text_.find('\n', pos), text_.size());
            } else if (text_.substr(pos, 2) == "/*") {
                std::size_t end = text_.find("*/", pos + 2);
                if (end == std::string_view::npos) throw Malformed{pos, "a comment is not closed"};
                pos = end + 2;
            } else {
                return;
            }
        }
    }

    [[nodiscard]] bool at_end() const { return pos >= text_.size(); }
    [[nodiscard]] char peek() const { return at_end() ? '\0' : text_[pos]; }

    std::string string() {
        std::size_t begin = pos++;
        while (!at_end() && text_[pos] != '"') {
            if (text_[pos] == '\n') throw Malformed{begin, "a string is not closed"};
            pos += text_[pos] == '\\' ? 2 : 1;
        }
        if (at_end()) throw Malformed{begin, "a string is not closed"};
        ++pos;
        auto parsed = nlohmann::json::parse(text_.substr(begin, pos - begin), nullptr, false);
        if (!parsed.is_string()) throw Malformed{begin, "a string has a wrong escape"};
        return parsed.get<std::string>();
    }

    void value(int nesting = 0) {
        if (nesting > 200) throw Malformed{pos, "it is nested too deeply"};
        if (peek() == '{') {
            object(nesting);
        } else if (peek() == '[') {
            array(nesting);
        } else if (peek() == '"') {
            string();
        } else {
            std::size_t begin = pos;
            while (!at_end() && std::string_view(",]} \t\r\n/").find(text_[pos]) == std::string_view::npos) ++pos;
            auto parsed = nlohmann::json::parse(text_.substr(begin, pos - begin), nullptr, false);
            if (parsed.is_discarded()) throw Malformed{begin, "a value is expected here"};
        }
    }

    Object object(int nesting = 0) {
        Object out;
        out.open = pos++;
        while (true) {
            skip_space();
            if (peek() == '}') break;
            if (peek() != '"') throw Malformed{pos, "a name in double quotes or } is expected here"};
            Member member;
            member.begin = pos;
            member.name = string();
            skip_space();
            if (peek() != ':') throw Malformed{pos, "a : is expected here"};
            ++pos;
            skip_space();
            member.value_begin = pos;
            value(nesting + 1);
            member.value_end = pos;
            skip_space();
            if (peek() == ',')
                member.comma = pos++;
            else if (peek() != '}')
                throw Malformed{pos, "a , or } is expected here"};
            out.members.push_back(std::move(member));
        }
        out.close = pos++;
        return out;
    }

private:
    void array(int nesting) {
        ++pos;
        while (true) {
            skip_space();
            if (peek() == ']') break;
            value(nesting + 1);
            skip_space();
            if (peek() == ',')
                ++pos;
            else if (peek() != ']')
                throw Malformed{pos, "a , or ] is expected here"};
        }
        ++pos;
    }

    std::string_view text_;
};

/// Empty when the text holds no value at all.
std::optional<Object> root_of(std::string_view text) {
    Scanner scanner(text);
    scanner.skip_space();
    if (scanner.at_end()) return std::nullopt;
    if (scanner.peek() != '{') throw Malformed{scanner.pos, "an object { is expected here"};
    Object root = scanner.object();
    scanner.skip_space();
    if (!scanner.at_end()) throw Malformed{scanner.pos, "nothing is expected after the object"};
    return root;
}

Object object_at(std::string_view text, std::size_t offset) {
    Scanner scanner(text);
    scanner.pos = offset;
    return scanner.object();
}

struct Found {
    Object holder;                   // the innermost object on the way
    std::size_t depth = 0;           // how many names lead to it
    const Member* member = nullptr;  // the path's last name in it; only when depth + 1 == path.size()
};

Found descend(std::string_view text, Object root, const SettingPath& path, std::size_t limit) {
    Found found{std::move(root), 0, nullptr};
    while (found.depth < limit) {
        const Member* next = found.holder.find(path[found.depth]);
        if (next == nullptr) return found;
        if (text[next->value_begin] != '{')
            throw Malformed{next->value_begin, "this is no object, so nothing can be set in it", ""};
        found.holder = object_at(text, next->value_begin);
        ++found.depth;
    }
    return found;
}

Found locate(std::string_view text, Object root, const SettingPath& path) {
    Found found = descend(text, std::move(root), path, path.size() - 1);
    if (found.depth + 1 == path.size()) found.member = found.holder.find(path.back());
    return found;
}

std::size_t line_start(std::string_view text, std::size_t at) {
    std::size_t newline = at == 0 ? std::string_view::npos : text.rfind('\n', at - 1);
    return newline == std::string_view::npos ? 0 : newline + 1;
}

std::string indent_of_line(std::string_view text, std::size_t at) {
    std::size_t begin = line_start(text, at);
    std::size_t end = text.find_first_not_of(" \t", begin);
    return std::string(text.substr(begin, std::min(end, text.size()) - begin));
}

bool starts_its_line(std::string_view text, std::size_t at) {
    return text.substr(line_start(text, at), at - line_start(text, at)).find_first_not_of(" \t") ==
           std::string_view::npos;
}

std::string indent_unit(std::string_view text, const Object& root) {
    if (!root.members.empty() && starts_its_line(text, root.members.front().begin)) {
        std::string unit = indent_of_line(text, root.members.front().begin);
        if (!unit.empty()) return unit;
    }
    return "  ";
}

/// `"env": {` newline `"NAME": raw` newline `}` for the names after `from`.
std::string member_text(const SettingPath& path, std::size_t from, std::string_view raw, const std::string& indent,
                        const std::string& unit, std::string_view newline) {
    std::string quoted = json_settings().quote(path[from]);
    if (from + 1 == path.size()) return quoted + ": " + std::string(raw);
    if (newline.empty()) return quoted + ": {" + member_text(path, from + 1, raw, "", "", "") + "}";
    std::string inner = indent + unit;
    return quoted + ": {" + std::string(newline) + inner + member_text(path, from + 1, raw, inner, unit, newline) +
           std::string(newline) + indent + "}";
}

/// The end of what stands before the closing brace: a value, a comma or a comment.
std::size_t content_end(std::string_view text, const Object& object) {
    std::size_t last = text.find_last_not_of(" \t\r\n", object.close - 1);
    return last + 1;
}

std::string insert(std::string_view text, const Object& root, const Object& holder, const SettingPath& path,
                   std::size_t from, std::string_view raw) {
    std::string unit = indent_unit(text, root);
    std::string_view inside = text.substr(holder.open, holder.close - holder.open);
    bool whole_is_one_line =
        !root.members.empty() && text.substr(root.open, root.close - root.open).find('\n') == std::string_view::npos;
    std::string out(text);
    if (holder.members.empty()) {
        std::size_t end = content_end(text, holder);  // after the brace, or after comments
        std::string close_indent = indent_of_line(text, holder.open);
        std::string indent = close_indent + unit;
        std::string_view newline = whole_is_one_line ? std::string_view() : newline_of(text);
        std::string added = std::string(newline) + (newline.empty() ? "" : indent) +
                            member_text(path, from, raw, indent, unit, newline) + std::string(newline) +
                            (newline.empty() ? "" : close_indent);
        return out.replace(end, holder.close - end, added);
    }
    const Member& last = holder.members.back();
    bool lines = inside.find('\n') != std::string_view::npos;
    std::string indent =
        starts_its_line(text, last.begin) ? indent_of_line(text, last.begin) : indent_of_line(text, holder.open) + unit;
    std::string added = lines ? std::string(newline_of(text)) + indent : std::string(" ");
    added += member_text(path, from, raw, indent, unit, lines ? newline_of(text) : std::string_view());
    if (last.comma) added += ",";
    out.insert(content_end(text, holder), added);
    if (!last.comma) out.insert(last.value_end, ",");
    return out;
}

std::string cut_member(std::string_view text, const Object& holder, const Member& member) {
    std::string out(text);
    std::size_t begin = member.begin;
    std::size_t end = member.comma ? *member.comma + 1 : member.value_end;
    bool own_line = starts_its_line(text, begin);
    std::size_t after = text.find_first_not_of(" \t\r", end);
    bool line_ends = after == std::string_view::npos || text[after] == '\n';
    if (own_line && line_ends && after != std::string_view::npos) {
        begin = line_start(text, begin);
        end = after + 1;
    } else if (member.comma) {
        end = std::min(text.find_first_not_of(" \t", end), text.size());
    }
    out.erase(begin, end - begin);
    if (!member.comma && &member == &holder.members.back() && holder.members.size() > 1) {
        const Member& previous = holder.members[holder.members.size() - 2];
        if (previous.comma) {
            std::size_t gap = own_line && line_ends ? 1 : std::max<std::size_t>(1, member.begin - *previous.comma);
            bool only_space =
                text.substr(*previous.comma + 1, member.begin - *previous.comma - 1).find_first_not_of(" \t\r\n") ==
                std::string_view::npos;
            out.erase(*previous.comma, only_space ? gap : 1);
        }
    }
    return out;
}

template <class F>
auto guarded(std::string_view text, F&& f) -> Result<decltype(f())> {
    try {
        return f();
    } catch (const Malformed& m) {
        return fail(ErrorCode::invalid_argument, "line " + line_and_column(text, m.at) + ": " + m.what + m.why);
    }
}

class JsonSettings final : public SettingsFormat {
public:
    Result<void> check(std::string_view text) const override {
        auto root = guarded(text, [&] { return root_of(text).has_value(); });
        if (!root) return std::unexpected(root.error());
        return {};
    }

    Result<std::optional<std::string>> get(std::string_view text, const SettingPath& path) const override {
        return guarded(text, [&]() -> std::optional<std::string> {
            auto root = root_of(text);
            if (!root) return std::nullopt;
            Found found = locate(text, std::move(*root), path);
            if (found.member == nullptr) return std::nullopt;
            return std::string(
                text.substr(found.member->value_begin, found.member->value_end - found.member->value_begin));
        });
    }

    Result<std::string> set(std::string_view text, const SettingPath& path, std::string_view raw) const override {
        return guarded(text, [&]() -> std::string {
            auto root = root_of(text);
            if (!root) {
                std::string_view newline = newline_of(text);
                std::string out(text);
                if (out.find_first_not_of(" \t\r\n") == std::string::npos) out.clear();
                if (!out.empty() && out != "\xEF\xBB\xBF" && !out.ends_with('\n')) out += newline;
                return out + "{" + std::string(newline) + "  " + member_text(path, 0, raw, "  ", "  ", newline) +
                       std::string(newline) + "}" + std::string(newline);
            }
            Found found = locate(text, *root, path);
            if (found.member == nullptr) return insert(text, *root, found.holder, path, found.depth, raw);
            std::string out(text);
            return out.replace(found.member->value_begin, found.member->value_end - found.member->value_begin, raw);
        });
    }

    Result<std::string> remove(std::string_view text, const SettingPath& path, std::size_t keep_depth) const override {
        return guarded(text, [&]() -> std::string {
            std::string out(text);
            SettingPath at = path;
            while (!at.empty()) {
                auto root = root_of(out);
                if (!root) return out;
                Found found = locate(out, std::move(*root), at);
                if (found.member == nullptr) return out;
                out = cut_member(out, found.holder, *found.member);
                at.pop_back();
                if (at.empty() || at.size() <= keep_depth) return out;
                Object rest = descend(out, *root_of(out), at, at.size()).holder;
                std::string_view inside = std::string_view(out).substr(rest.open + 1, rest.close - rest.open - 1);
                if (inside.find_first_not_of(" \t\r\n") != std::string_view::npos) return out;
            }
            return out;
        });
    }

    Result<std::size_t> depth(std::string_view text, const SettingPath& path) const override {
        return guarded(text, [&]() -> std::size_t {
            auto root = root_of(text);
            return root ? descend(text, std::move(*root), path, path.size() - 1).depth : 0;
        });
    }

    std::string quote(std::string_view value) const override {
        return nlohmann::json(std::string(value)).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    }

    std::string unquote(std::string_view raw) const override {
        auto parsed = nlohmann::json::parse(raw, nullptr, false);
        return parsed.is_string() ? parsed.get<std::string>() : std::string(raw);
    }

    bool is_blank(std::string_view text) const override {
        return std::all_of(text.begin(), text.end(),
                           [](char c) { return std::string_view(" \t\r\n{}").find(c) != std::string_view::npos; });
    }
};

}  // namespace

const SettingsFormat& json_settings() {
    static const JsonSettings format;
    return format;
}

std::string_view newline_of(std::string_view text) {
    return text.find("\r\n") != std::string_view::npos ? "\r\n" : "\n";
}

std::string line_and_column(std::string_view text, std::size_t offset) {
    offset = std::min(offset, text.size());
    std::size_t line = 1 + static_cast<std::size_t>(
                               std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(offset), '\n'));
    return std::to_string(line) + ":" + std::to_string(offset - line_start(text, offset) + 1);
}

std::string dotted(const SettingPath& path) {
    std::string out;
    for (const auto& name : path) out += (out.empty() ? "" : ".") + name;
    return out;
}

}  // namespace lurus::connect
