// OpenAI Responses: what was asked. The answer's shape is in demo_responses_write.cpp.

#include "modules/provider/demo/demo_responses.hpp"

#include <algorithm>

#include "modules/provider/demo/demo_openai.hpp"

namespace lurus::provider::demo {
namespace {

std::string item_text(const json& content) {
    if (content.is_string()) return content.get<std::string>();
    std::string found;
    if (!content.is_array()) return found;
    for (const json& part : content) {
        const std::string text = text_at(part, "text");
        // Clients put their own context in angle brackets beside what the user wrote.
        if (!text.empty() && !text.starts_with('<')) found = text;
    }
    return found;
}

void add_tools(const json& list, const std::string& space, std::vector<Tool>& out) {
    if (!list.is_array()) return;
    for (const json& tool : list) {
        const std::string type = text_at(tool, "type");
        if (type == "namespace") add_tools(at(tool, "tools"), text_at(tool, "name"), out);
        if (type != "function" && type != "custom") continue;
        Tool& added = out.emplace_back();
        added.name = text_at(tool, "name");
        added.space = space;
        added.description = text_at(tool, "description");
        added.custom = type == "custom";
        if (const json& schema = at(tool, "parameters"); schema.is_object()) added.schema = schema;
    }
}

void read_items(const json& input, Ask& ask, bool& compacts) {
    if (input.is_string()) {
        ask.user_text = input.get<std::string>();
        return;
    }
    if (!input.is_array()) return;
    for (const json& item : input) {
        const std::string type = text_at(item, "type");
        if (type == "additional_tools") {
            add_tools(at(item, "tools"), "", ask.tools);
        } else if (type == "compaction_trigger") {
            compacts = true;
        } else if (type.ends_with("_output")) {
            ask.after_tool = true;
            ask.tool_result = item_text(at(item, "output"));
        } else if (text_at(item, "role") == "user") {
            const std::string text = item_text(at(item, "content"));
            if (text.empty()) continue;
            ask.after_tool = false;
            ask.user_text = text;
        }
    }
}

ResponsesAsk read_responses(const Call& call) {
    const json& body = call.body;
    ResponsesAsk out;
    Ask& ask = out.ask;
    ask.model = text_at(body, "model");
    ask.seed = call.raw;
    ask.max_tokens = number_at(body, "max_output_tokens");
    ask.input_tokens =
        tokens_in(at(body, "input")) + tokens_in(at(body, "instructions")) + tokens_in(at(body, "tools"));
    add_tools(at(body, "tools"), "", ask.tools);
    read_items(at(body, "input"), ask, out.compacts);
    const json& choice = at(body, "tool_choice");
    if (choice == "none") ask.tool_use = ToolUse::forbidden;
    ask.wanted_tool = text_at(choice, "name");
    if (const json& allowed = at(choice, "tools"); allowed.is_array() && !allowed.empty())
        ask.wanted_tool = text_at(allowed.front(), "name");
    const json& reasoning = at(body, "reasoning");
    const std::string effort = text_at(reasoning, "effort");
    ask.think = reasoning.is_object() && effort != "none" && effort != "minimal";
    out.summarise = !at(reasoning, "summary").is_null();
    for (const json& included : at(body, "include"))
        out.encrypted = out.encrypted || included == "reasoning.encrypted_content";
    const json& format = at(at(body, "text"), "format");
    ask.json_mode = text_at(format, "type") == "json_object";
    if (text_at(format, "type") == "json_schema") ask.schema = at(format, "schema");
    out.cached_tokens = cached_prefix(body, "input", ask.input_tokens);
    return out;
}

}  // namespace

LocalReply openai_responses(const Call& call) {
    if (auto refused = openai_refusal(call, "input")) return std::move(*refused);
    const ResponsesAsk asked = read_responses(call);
    LocalReply reply = write_response(call, asked);
    reply.headers.emplace_back("x-request-id", make_id("req_", asked.ask.seed, "request"));
    return reply;
}

LocalReply openai_compact(const Call& call) {
    if (auto refused = openai_refusal(call, "input")) return std::move(*refused);
    const ResponsesAsk asked = read_responses(call);
    ordered_json output = ordered_json::array();
    if (!asked.ask.user_text.empty()) {
        output.push_back({{"id", make_id("msg_", asked.ask.seed, "kept")},
                          {"type", "message"},
                          {"status", "completed"},
                          {"role", "user"},
                          {"content", ordered_json::array({{{"type", "input_text"}, {"text", asked.ask.user_text}}})}});
    }
    output.push_back(compaction_item(asked.ask));
    ordered_json body;
    body["id"] = make_id("resp_", asked.ask.seed, "compact");
    body["object"] = "response.compaction";
    body["created_at"] = made_at;
    body["output"] = std::move(output);
    body["usage"] = responses_usage(asked, tokens_of(make_blob(asked.ask.seed, "compaction", 256)), 0);
    return json_reply(body);
}

LocalReply openai_input_tokens(const Call& call) {
    if (auto refused = openai_refusal(call, "input")) return std::move(*refused);
    return json_reply({{"object", "response.input_tokens"}, {"input_tokens", read_responses(call).ask.input_tokens}});
}

}  // namespace lurus::provider::demo
