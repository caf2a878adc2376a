#include "modules/provider/demo/demo_plan.hpp"

#include <algorithm>
#include <array>

#include "core/crypto/sha256.hpp"
#include "core/text/ascii.hpp"
#include "core/text/base64.hpp"

namespace lurus::provider::demo {
namespace {

constexpr std::int64_t attachment_tokens = 258;
constexpr std::size_t long_opaque_text = 2048;
constexpr std::int64_t least_for_thinking = 96;

/// Lower is more sensible to call unasked.
int rank_of(const Tool& tool) {
    constexpr std::array<std::string_view, 11> shells{
        "bash",     "shell",           "exec_command", "run_shell_command", "shell_command",   "exec",
        "terminal", "execute_command", "run_command",  "local_shell",       "run_terminal_cmd"};
    constexpr std::array<std::string_view, 9> readers{"get",  "list", "read",   "search", "glob",
                                                      "grep", "find", "lookup", "ls"};
    const std::string name = lower_case(tool.name);
    if (std::ranges::find(shells, name) != shells.end()) return 0;
    if (std::ranges::any_of(readers, [&](std::string_view word) { return name.starts_with(word); })) return 1;
    return tool.custom ? 3 : 2;
}

const Tool* choose(const Ask& ask) {
    if (ask.tool_use == ToolUse::forbidden || ask.tools.empty() || ask.after_tool) return nullptr;
    if (!ask.wanted_tool.empty()) {
        const auto found = std::ranges::find(ask.tools, ask.wanted_tool, &Tool::name);
        if (found != ask.tools.end()) return &*found;
    }
    // A client that compacts its conversation wants text, though it still offers its tools.
    const std::string said = lower_case(ask.user_text);
    if (said.contains("summar") || said.contains("compact")) return nullptr;
    return &*std::ranges::min_element(ask.tools, {}, rank_of);
}

std::string input_for(const Tool& tool) {
    if (tool.description.contains("JavaScript")) {
        return "const result = await tools.exec_command({ cmd: \"echo hello from lurus\" });\ntext(result);\n";
    }
    return rank_of(tool) == 0 ? "echo hello from lurus" : "hello from lurus";
}

std::string answer_text(const Ask& ask) {
    if (!ask.schema.is_null()) return dump(value_for(ask.schema, true));
    if (ask.json_mode) return R"({"answer":"hello from the Lurus demo"})";
    if (ask.after_tool) {
        return "The tool answered: \"" + excerpt(ask.tool_result, 80) +
               "\". That completes the round trip through the Lurus demo.";
    }
    std::string text = "Hello from the Lurus demo.";
    if (!ask.user_text.empty()) text += " You said: \"" + excerpt(ask.user_text, 60) + "\".";
    return text + " No vendor was asked: this answer was made inside the gateway.";
}

std::string_view cut_to(std::string_view text, std::int64_t tokens) {
    auto end = std::min<std::size_t>(text.size(), static_cast<std::size_t>(std::max<std::int64_t>(tokens, 0)) * 4);
    while (end > 0 && end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    return text.substr(0, end);
}

}  // namespace

std::string ToolCall::text() const {
    return tool.custom ? input : dump(arguments);
}

Plan plan(const Ask& ask) {
    Plan out;
    if (ask.think && (ask.max_tokens == 0 || ask.max_tokens >= least_for_thinking)) {
        out.thinking = ask.after_tool
                           ? "The tool has answered. I say what it said and stop."
                           : "The user said something to the demo. I answer briefly and say that no vendor was asked.";
        out.thinking_tokens = tokens_of(out.thinking);
    }
    if (const Tool* tool = choose(ask)) {
        ToolCall call;
        call.tool = *tool;
        if (tool->custom) {
            call.input = input_for(*tool);
        } else {
            call.arguments = value_for(tool->schema, false);
            if (!call.arguments.is_object()) call.arguments = json::object();
        }
        out.output_tokens = out.thinking_tokens + tokens_of(tool->name) + tokens_of(call.text());
        out.call = std::move(call);
        return out;
    }
    out.text = answer_text(ask);
    out.output_tokens = out.thinking_tokens + tokens_of(out.text);
    if (ask.max_tokens > 0 && out.output_tokens > ask.max_tokens) {
        out.cut = true;
        out.text = cut_to(out.text, ask.max_tokens - out.thinking_tokens);
        out.output_tokens = out.thinking_tokens + tokens_of(out.text);
    }
    return out;
}

std::int64_t tokens_of(std::string_view text) {
    return std::max<std::int64_t>(1, static_cast<std::int64_t>((text.size() + 3) / 4));
}

std::int64_t tokens_in(const json& value) {
    if (value.is_string()) {
        const auto& text = value.get_ref<const std::string&>();
        const bool opaque = text.size() > long_opaque_text && !text.substr(0, long_opaque_text).contains(' ');
        return opaque || text.starts_with("data:") ? attachment_tokens : tokens_of(text);
    }
    std::int64_t sum = 1;
    if (value.is_structured()) {
        for (const json& part : value) sum += tokens_in(part);
    }
    return sum;
}

std::vector<std::string> pieces(std::string_view text) {
    constexpr int words = 4;
    std::vector<std::string> out;
    std::size_t begin = 0;
    int seen = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != ' ' || ++seen < words) continue;
        out.emplace_back(text.substr(begin, i - begin));
        begin = i;
        seen = 0;
    }
    if (begin < text.size()) out.emplace_back(text.substr(begin));
    return out;
}

std::string make_id(std::string_view prefix, std::string_view seed, std::string_view salt, std::size_t length) {
    std::string hex = sha256_hex(std::string(salt) + ":" + std::string(seed));
    hex.resize(std::min(length, hex.size()));
    return std::string(prefix) + hex;
}

std::string make_blob(std::string_view seed, std::string_view salt, std::size_t bytes) {
    std::string raw;
    for (int i = 0; raw.size() < bytes; ++i) {
        const auto sum = sha256(std::string(salt) + std::to_string(i) + ":" + std::string(seed));
        raw.append(reinterpret_cast<const char*>(sum.data()), sum.size());
    }
    raw.resize(bytes);
    return base64(raw);
}

std::string excerpt(std::string_view text, std::size_t bytes) {
    const auto begin = text.find_first_not_of(" \t\r\n");
    text = begin == std::string_view::npos ? std::string_view{} : text.substr(begin);
    text = text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
    std::size_t end = std::min(bytes, text.size());
    while (end > 0 && end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    std::string out(text.substr(0, end));
    for (char& c : out) {
        if (static_cast<unsigned char>(c) < 0x20 || c == '"') c = c == '"' ? '\'' : ' ';
    }
    return end < text.size() ? out + "…" : out;
}

const json& at(const json& value, std::string_view key) {
    static const json nothing;
    if (!value.is_object()) return nothing;
    const auto found = value.find(key);
    return found == value.end() ? nothing : *found;
}

std::string text_at(const json& object, std::string_view key) {
    const json& value = at(object, key);
    return value.is_string() ? value.get<std::string>() : std::string();
}

std::int64_t number_at(const json& object, std::string_view key) {
    const json& value = at(object, key);
    if (value.is_number_unsigned())
        return static_cast<std::int64_t>(std::min<std::uint64_t>(value.get<std::uint64_t>(), 1ULL << 60));
    return value.is_number_integer() ? value.get<std::int64_t>() : 0;
}

bool flag_at(const json& object, std::string_view key) {
    const json& value = at(object, key);
    return value.is_boolean() && value.get<bool>();
}

}  // namespace lurus::provider::demo
