// Anthropic Messages.

#include <algorithm>

#include "modules/provider/demo/demo_reply.hpp"

namespace lurus::provider::demo {
namespace {

constexpr std::int64_t least_cached = 1024;  // a shorter prefix is not cached

struct CacheUse {
    std::int64_t read = 0;
    std::int64_t write_5m = 0;
    std::int64_t write_1h = 0;
};

std::string block_text(const json& content) {
    if (content.is_string()) return content.get<std::string>();
    std::string found;
    if (!content.is_array()) return found;
    for (const json& block : content) {
        // Clients put reminders in angle brackets beside what the user wrote.
        if (text_at(block, "type") == "text" && !text_at(block, "text").starts_with('<'))
            found = text_at(block, "text");
        if (text_at(block, "type") == "tool_result") found = block_text(at(block, "content"));
    }
    return found;
}

bool has_block(const json& content, std::string_view type) {
    return content.is_array() &&
           std::ranges::any_of(content, [&](const json& block) { return text_at(block, "type") == type; });
}

/// Tokens up to the end of the last cache breakpoint, and its lifetime; what came before the last answer counts as
/// read.
CacheUse cache_use(const json& body) {
    std::int64_t tokens = 0;
    std::int64_t marked = 0;
    std::int64_t before_last_answer = 0;
    bool hour = false;
    const auto walk = [&](const json& part) {
        tokens += tokens_in(part);
        if (at(part, "cache_control").is_null()) return;
        marked = tokens;
        hour = text_at(at(part, "cache_control"), "ttl") == "1h";
    };
    const auto walk_all = [&](const json& parts) {
        if (!parts.is_array()) {
            tokens += parts.is_null() ? 0 : tokens_in(parts);
            return;
        }
        for (const json& part : parts) walk(part);
    };
    walk_all(at(body, "tools"));
    walk_all(at(body, "system"));
    for (const json& message : at(body, "messages")) {
        if (text_at(message, "role") == "assistant") before_last_answer = tokens;
        walk_all(at(message, "content"));
    }
    if (!at(body, "cache_control").is_null()) marked = tokens;
    CacheUse use;
    if (marked < least_cached) return use;
    use.read = std::min(marked, before_last_answer);
    if (use.read < least_cached) use.read = 0;
    (hour ? use.write_1h : use.write_5m) = marked - use.read;
    return use;
}

Ask read_messages(const Call& call) {
    const json& body = call.body;
    Ask ask;
    ask.model = text_at(body, "model");
    ask.seed = call.raw;
    ask.max_tokens = number_at(body, "max_tokens");
    ask.input_tokens = tokens_in(at(body, "messages")) + tokens_in(at(body, "system")) + tokens_in(at(body, "tools"));
    for (const json& message : at(body, "messages")) {
        if (text_at(message, "role") != "user") continue;
        const bool result = has_block(at(message, "content"), "tool_result");
        const std::string text = block_text(at(message, "content"));
        if (!result && text.empty()) continue;
        ask.after_tool = result;
        (result ? ask.tool_result : ask.user_text) = text;
    }
    for (const json& tool : at(body, "tools")) {
        // Server tools have a type and no schema.
        if (!at(tool, "input_schema").is_object()) continue;
        Tool& added = ask.tools.emplace_back();
        added.name = text_at(tool, "name");
        added.description = text_at(tool, "description");
        added.schema = at(tool, "input_schema");
    }
    const json& choice = at(body, "tool_choice");
    if (text_at(choice, "type") == "none") ask.tool_use = ToolUse::forbidden;
    ask.wanted_tool = text_at(choice, "name");
    const std::string thinking = text_at(at(body, "thinking"), "type");
    ask.think = thinking == "enabled" || thinking == "adaptive";
    for (const json* format : {&at(at(body, "output_config"), "format"), &at(body, "output_format")}) {
        if (text_at(*format, "type") == "json_schema") ask.schema = at(*format, "schema");
    }
    return ask;
}

ordered_json messages_usage(const Ask& ask, const Plan& plan, const CacheUse& cache, std::int64_t output) {
    const std::int64_t cached = cache.read + cache.write_5m + cache.write_1h;
    ordered_json usage;
    usage["input_tokens"] = std::max<std::int64_t>(1, ask.input_tokens - cached);
    usage["cache_creation_input_tokens"] = cache.write_5m + cache.write_1h;
    usage["cache_read_input_tokens"] = cache.read;
    usage["cache_creation"] = {{"ephemeral_5m_input_tokens", cache.write_5m},
                               {"ephemeral_1h_input_tokens", cache.write_1h}};
    usage["output_tokens"] = output;
    if (ask.think) usage["output_tokens_details"] = {{"thinking_tokens", plan.thinking_tokens}};
    usage["service_tier"] = "standard";
    return usage;
}

ordered_json blocks_of(const Ask& ask, const Plan& plan, bool hide_thinking) {
    ordered_json blocks = ordered_json::array();
    if (!plan.thinking.empty()) {
        blocks.push_back({{"type", "thinking"},
                          {"thinking", hide_thinking ? "" : plan.thinking},
                          {"signature", make_blob(ask.seed, "thinking")}});
    }
    if (plan.call) {
        blocks.push_back({{"type", "tool_use"},
                          {"id", make_id("toolu_", ask.seed, "tool")},
                          {"name", plan.call->tool.name},
                          {"input", ordered_json::parse(plan.call->text())}});
    } else {
        blocks.push_back({{"type", "text"}, {"text", plan.text}});
    }
    return blocks;
}

std::string_view stop_reason(const Plan& plan) {
    if (plan.call) return "tool_use";
    return plan.cut ? "max_tokens" : "end_turn";
}

void stream_block(Stream& stream, int index, const ordered_json& block) {
    ordered_json empty = block;
    std::vector<ordered_json> deltas;
    if (block["type"] == "thinking") {
        empty["thinking"] = "";
        empty["signature"] = "";
        for (const auto& piece : pieces(block["thinking"].get<std::string>()))
            deltas.push_back({{"type", "thinking_delta"}, {"thinking", piece}});
        deltas.push_back({{"type", "signature_delta"}, {"signature", block["signature"]}});
    } else if (block["type"] == "tool_use") {
        empty["input"] = ordered_json::object();
        deltas.push_back({{"type", "input_json_delta"}, {"partial_json", ""}});
        for (const auto& piece : pieces(dump(block["input"])))
            deltas.push_back({{"type", "input_json_delta"}, {"partial_json", piece}});
    } else {
        empty["text"] = "";
        for (const auto& piece : pieces(block["text"].get<std::string>()))
            deltas.push_back({{"type", "text_delta"}, {"text", piece}});
    }
    stream.event("content_block_start",
                 {{"type", "content_block_start"}, {"index", index}, {"content_block", std::move(empty)}});
    if (index == 0) stream.event("ping", {{"type", "ping"}});
    for (auto& delta : deltas) {
        stream.event("content_block_delta",
                     {{"type", "content_block_delta"}, {"index", index}, {"delta", std::move(delta)}});
    }
    stream.event("content_block_stop", {{"type", "content_block_stop"}, {"index", index}});
}

std::optional<LocalReply> refusal(const Call& call) {
    const auto bad = [](std::string_view message) { return failure(Family::anthropic, 400, message); };
    if (!call.body.is_object()) return bad("The request body is not valid JSON.");
    if (text_at(call.body, "model").empty()) return bad("model: Field required");
    const json& messages = at(call.body, "messages");
    if (!messages.is_array()) return bad("messages: Field required");
    if (messages.empty()) return bad("messages: at least one message is required");
    return std::nullopt;
}

}  // namespace

LocalReply anthropic_messages(const Call& call) {
    if (auto refused = refusal(call)) return std::move(*refused);
    const Ask ask = read_messages(call);
    if (auto wanted = wanted_failure(Family::anthropic, ask.model)) return std::move(*wanted);
    if (ask.max_tokens < 1) return failure(Family::anthropic, 400, "max_tokens: Field required");
    const Plan plan = demo::plan(ask);
    const CacheUse cache = cache_use(call.body);
    const ordered_json blocks = blocks_of(ask, plan, text_at(at(call.body, "thinking"), "display") == "omitted");
    ordered_json message;
    message["model"] = ask.model;
    message["id"] = make_id("msg_", ask.seed, "message");
    message["type"] = "message";
    message["role"] = "assistant";
    message["content"] = ordered_json::array();
    message["stop_reason"] = nullptr;
    message["stop_sequence"] = nullptr;
    const std::string request_id = make_id("req_", ask.seed, "request");
    if (!flag_at(call.body, "stream")) {
        message["content"] = blocks;
        message["stop_reason"] = stop_reason(plan);
        message["usage"] = messages_usage(ask, plan, cache, plan.output_tokens);
        LocalReply reply = json_reply(message);
        reply.headers.emplace_back("request-id", request_id);
        return reply;
    }
    Stream stream("text/event-stream; charset=utf-8");
    if (wants_error_event(ask.model)) {
        stream.event("error", failure_body(Family::anthropic, 529, "Overloaded"));
        return stream.take();
    }
    message["usage"] = messages_usage(ask, plan, cache, 1);
    stream.event("message_start", {{"type", "message_start"}, {"message", std::move(message)}});
    for (std::size_t i = 0; i < blocks.size(); ++i) stream_block(stream, static_cast<int>(i), blocks[i]);
    if (!wants_cut(ask.model)) {
        stream.event("message_delta", {{"type", "message_delta"},
                                       {"delta", {{"stop_reason", stop_reason(plan)}, {"stop_sequence", nullptr}}},
                                       {"usage", messages_usage(ask, plan, cache, plan.output_tokens)}});
        stream.event("message_stop", {{"type", "message_stop"}});
    }
    LocalReply reply = stream.take();
    reply.headers.emplace_back("request-id", request_id);
    return reply;
}

LocalReply anthropic_count_tokens(const Call& call) {
    if (auto refused = refusal(call)) return std::move(*refused);
    const Ask ask = read_messages(call);
    if (auto wanted = wanted_failure(Family::anthropic, ask.model)) return std::move(*wanted);
    return json_reply({{"input_tokens", ask.input_tokens}});
}

}  // namespace lurus::provider::demo
