#include "modules/gateway/answer/event_text.hpp"

#include "core/json/json_scan.hpp"

namespace lurus::gateway {
namespace {

using json::Kind;

std::string cut(std::string text) {
    if (text.size() > max_kept_text) {
        std::size_t end = max_kept_text;
        while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
        text.resize(end);
    }
    return text;
}

// A text as it is, a number or an object as its JSON; null and empty as nothing.
std::string readable(std::string_view value) {
    if (is_empty_value(value)) return {};
    return cut(json::kind_of(value) == Kind::string ? json::string_value(value)
                                                    : std::string(value.substr(0, max_kept_text)));
}

}  // namespace

void ErrorMembers::clear() {
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

ErrorText read_error(const ErrorMembers& members) {
    ErrorText out;
    out.message = readable(members.message);
    if (out.message.empty()) out.message = readable(members.detail);
    const std::string type = readable(members.type);
    const std::string code = readable(members.code);
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

}  // namespace lurus::gateway
