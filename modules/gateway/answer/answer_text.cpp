#include "modules/gateway/answer/answer_text.hpp"

#include <array>

#include "core/json/json_scan.hpp"

namespace lurus::gateway {
namespace {

using json::Kind;

constexpr std::size_t max_answer_text = 2048;

std::string cut(std::string text) {
    if (text.size() > max_answer_text) {
        std::size_t end = max_answer_text;
        while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
        text.resize(end);
    }
    return text;
}

// A text as it is, a number or an object as its JSON; null and empty as nothing.
std::string readable(std::string_view value) {
    if (is_empty_value(value)) return {};
    return cut(json::kind_of(value) == Kind::string ? json::string_value(value)
                                                    : std::string(value.substr(0, max_answer_text)));
}

std::string_view after_space(std::string_view text) {
    std::size_t at = 0;
    while (at < text.size() && (text[at] == ' ' || text[at] == '\t' || text[at] == '\r' || text[at] == '\n')) ++at;
    return text.substr(at);
}

// What stands behind a key and its colon; empty when there is no colon.
std::string_view value_after(std::string_view text) {
    text = after_space(text);
    return text.starts_with(':') ? after_space(text.substr(1)) : std::string_view{};
}

}  // namespace

void ErrorWords::clear() {
    type.clear();
    object.clear();
    message.clear();
    code.clear();
    detail.clear();
}

ErrorText read_error(std::string_view value) {
    ErrorText out;
    if (is_empty_value(value) || value == "false") return out;
    if (json::kind_of(value) != Kind::object) {
        out.type = "error";
        out.message = readable(value);
        return out;
    }
    for (std::string_view key : {"type", "status", "code"}) {
        if (out.type.empty()) out.type = readable(json::find(value, {key}));
    }
    if (out.type.empty()) out.type = "error";
    out.message = readable(json::find(value, {"message"}));
    if (out.message.empty()) out.message = readable(json::find(value, {"error"}));
    return out;
}

ErrorText read_error(const ErrorWords& words) {
    ErrorText out;
    out.message = readable(words.message);
    if (out.message.empty()) out.message = readable(words.detail);
    const std::string type = readable(words.type);
    const std::string code = readable(words.code);
    if (out.message.empty() && code.empty()) return out;
    out.type = !type.empty() && type != "error" ? type : !code.empty() ? code : "error";
    return out;
}

bool is_empty_value(std::string_view value) {
    if (value.empty() || value == "null" || value == "\"\"") return true;
    const char close = value.front() == '{' ? '}' : value.front() == '[' ? ']' : '\0';
    return close != '\0' && after_space(value.substr(1)).starts_with(close);
}

std::string_view event_type(std::string_view data) {
    data = after_space(data);
    if (!data.starts_with('{')) return {};
    data = after_space(data.substr(1));
    if (!data.starts_with("\"type\"")) return {};
    data = value_after(data.substr(6));
    if (!data.starts_with('"')) return {};
    const std::size_t end = json::find_quote_or_backslash(data, 1);
    return end == data.size() || data[end] == '\\' ? std::string_view{} : data.substr(1, end - 1);
}

bool chat_chunk_matters(std::string_view data) {
    constexpr std::array letters{'u', 'e', 'x', 'f', 'o'};
    // Inside a string these would be written `\"usage\"`, so the closing quote tells a key from content.
    for (std::size_t at = 0; (at = json::find_quoted(data, at, letters)) < data.size(); ++at) {
        const std::string_view here = data.substr(at);
        switch (here[1]) {
            case 'u':
                if (here.starts_with("\"usage\"") && !value_after(here.substr(7)).starts_with('n')) return true;
                break;
            case 'e':
                if (here.starts_with("\"error\"")) return true;
                break;
            case 'x':
                if (here.starts_with("\"x_groq\"")) return true;
                break;
            case 'f':
                if (here.starts_with("\"finish_reason\"") && !value_after(here.substr(15)).starts_with('n'))
                    return true;
                break;
            default: break;
        }
    }
    return false;
}

}  // namespace lurus::gateway
