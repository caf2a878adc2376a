// OpenAI chat completions and the older completions.

#include <algorithm>

#include "modules/provider/demo/demo_openai.hpp"

namespace lurus::provider::demo {
namespace {

std::string message_text(const json& content) {
    if (content.is_string()) return content.get<std::string>();
    std::string found;
    if (!content.is_array()) return found;
    for (const json& part : content) {
        if (text_at(part, "type") == "text") found = text_at(part, "text");
    }
    return found;
}

Ask read_chat(const Call& call) {
    const json& body = call.body;
    Ask ask;
    ask.model = text_at(body, "model");
    ask.seed = call.raw;
    ask.max_tokens = std::max(number_at(body, "max_tokens"), number_at(body, "max_completion_tokens"));
    ask.input_tokens = tokens_in(at(body, "messages")) + tokens_in(at(body, "tools"));
    for (const json& message : at(body, "messages")) {
        const std::string role = text_at(message, "role");
        if (role == "tool" || role == "function") {
            ask.after_tool = true;
            ask.tool_result = message_text(at(message, "content"));
        } else if (role == "user") {
            ask.after_tool = false;
            ask.user_text = message_text(at(message, "content"));
        }
    }
    for (const json& tool : at(body, "tools")) {
        Tool added;
        added.custom = text_at(tool, "type") == "custom";
        const json& inner = at(tool, added.custom ? "custom" : "function");
        if (!inner.is_object()) continue;
        added.name = text_at(inner, "name");
        added.description = text_at(inner, "description");
        if (const json& schema = at(inner, "parameters"); schema.is_object()) added.schema = schema;
        ask.tools.push_back(std::move(added));
    }
    for (const json& function : at(body, "functions")) {
        Tool& added = ask.tools.emplace_back();
        added.name = text_at(function, "name");
        if (const json& schema = at(function, "parameters"); schema.is_object()) added.schema = schema;
    }
    for (const char* key : {"tool_choice", "function_call"}) {
        const json& choice = at(body, key);
        if (choice == "none") ask.tool_use = ToolUse::forbidden;
        for (const json* inner : {&choice, &at(choice, "function"), &at(choice, "custom")}) {
            if (const std::string name = text_at(*inner, "name"); !name.empty()) ask.wanted_tool = name;
        }
    }
    const std::string effort = text_at(body, "reasoning_effort");
    ask.think = !effort.empty() && effort != "none" && effort != "minimal";
    const json& format = at(body, "response_format");
    ask.json_mode = text_at(format, "type") == "json_object";
    if (text_at(format, "type") == "json_schema") ask.schema = at(at(format, "json_schema"), "schema");
    return ask;
}

ordered_json chat_usage(const Ask& ask, const Plan& plan, std::int64_t cached, std::int64_t choices) {
    const std::int64_t output = plan.output_tokens * choices;
    return {{"prompt_tokens", ask.input_tokens},
            {"completion_tokens", output},
            {"total_tokens", ask.input_tokens + output},
            {"prompt_tokens_details", {{"cached_tokens", cached}, {"audio_tokens", 0}}},
            {"completion_tokens_details",
             {{"reasoning_tokens", plan.thinking_tokens * choices},
              {"audio_tokens", 0},
              {"accepted_prediction_tokens", 0},
              {"rejected_prediction_tokens", 0}}}};
}

ordered_json call_json(const Ask& ask, const ToolCall& call) {
    ordered_json out;
    out["id"] = make_id("call_", ask.seed, "tool");
    if (call.tool.custom) {
        out["type"] = "custom";
        out["custom"] = {{"name", call.tool.name}, {"input", call.input}};
    } else {
        out["type"] = "function";
        out["function"] = {{"name", call.tool.name}, {"arguments", call.text()}};
    }
    return out;
}

class ChatWriter {
public:
    ChatWriter(const Call& call, const Ask& ask, const Plan& plan)
        : call_(call), ask_(ask), plan_(plan), legacy_(at(call.body, "functions").is_array()) {
        choices_ = std::clamp<std::int64_t>(number_at(call.body, "n"), 1, 8);
    }

    [[nodiscard]] LocalReply whole() const {
        ordered_json list = ordered_json::array();
        for (std::int64_t i = 0; i < choices_; ++i) {
            ordered_json message{{"role", "assistant"},
                                 {"content", nullptr},
                                 {"refusal", nullptr},
                                 {"annotations", ordered_json::array()}};
            if (!plan_.call) {
                message["content"] = plan_.text;
            } else if (legacy_) {
                message["function_call"] = call_json(ask_, *plan_.call)["function"];
            } else {
                message["tool_calls"] = ordered_json::array({call_json(ask_, *plan_.call)});
            }
            list.push_back(
                {{"index", i}, {"message", std::move(message)}, {"logprobs", nullptr}, {"finish_reason", finish()}});
        }
        ordered_json body = head("chat.completion");
        body["choices"] = std::move(list);
        body["usage"] = usage();
        return json_reply(body);
    }

    [[nodiscard]] LocalReply streamed() const {
        Stream stream("text/event-stream; charset=utf-8");
        if (wants_error_event(ask_.model)) {
            stream.data(failure_body(Family::openai, 500, "The server had an error while processing your request."));
            return stream.take();
        }
        for (std::int64_t i = 0; i < choices_; ++i)
            stream.data(chunk(i, {{"role", "assistant"}, {"content", start_content()}, {"refusal", nullptr}}));
        for (std::int64_t i = 0; i < choices_; ++i) deltas(stream, i);
        if (wants_cut(ask_.model)) return stream.take();
        for (std::int64_t i = 0; i < choices_; ++i) {
            ordered_json last = chunk(i, ordered_json::object());
            last["choices"][0]["finish_reason"] = finish();
            stream.data(last);
        }
        if (with_usage()) {
            ordered_json last = head("chat.completion.chunk");
            last["choices"] = ordered_json::array();
            last["usage"] = usage();
            stream.data(last);
        }
        stream.raw("data: [DONE]\n\n");
        return stream.take();
    }

private:
    [[nodiscard]] ordered_json head(const char* object) const {
        return {{"id", make_id("chatcmpl-", ask_.seed, "chat", 29)},
                {"object", object},
                {"created", made_at},
                {"model", ask_.model},
                {"service_tier", "default"},
                {"system_fingerprint", "fp_lurusdemo"}};
    }
    [[nodiscard]] ordered_json usage() const {
        return chat_usage(ask_, plan_, cached_prefix(call_.body, "messages", ask_.input_tokens), choices_);
    }
    [[nodiscard]] bool with_usage() const { return flag_at(at(call_.body, "stream_options"), "include_usage"); }
    [[nodiscard]] ordered_json start_content() const { return plan_.call ? ordered_json(nullptr) : ordered_json(""); }
    [[nodiscard]] std::string_view finish() const {
        if (plan_.call) return legacy_ ? "function_call" : "tool_calls";
        return plan_.cut ? "length" : "stop";
    }
    [[nodiscard]] ordered_json chunk(std::int64_t index, ordered_json delta) const {
        ordered_json out = head("chat.completion.chunk");
        ordered_json choice{
            {"index", index}, {"delta", std::move(delta)}, {"logprobs", nullptr}, {"finish_reason", nullptr}};
        out["choices"] = ordered_json::array({std::move(choice)});
        if (with_usage()) out["usage"] = nullptr;
        return out;
    }
    void deltas(Stream& stream, std::int64_t index) const {
        if (!plan_.call) {
            for (const auto& piece : pieces(plan_.text)) stream.data(chunk(index, {{"content", piece}}));
            return;
        }
        ordered_json full = call_json(ask_, *plan_.call);
        const char* const kind = plan_.call->tool.custom ? "custom" : "function";
        const char* const field = plan_.call->tool.custom ? "input" : "arguments";
        const std::string text = full[kind][field];
        full[kind][field] = "";
        const auto wrap = [&](ordered_json part) -> ordered_json {
            if (legacy_) return {{"function_call", part["function"]}};
            part["index"] = 0;
            return {{"tool_calls", ordered_json::array({std::move(part)})}};
        };
        stream.data(chunk(index, wrap(full)));
        for (const auto& piece : pieces(text)) {
            ordered_json part = ordered_json::object();
            part[kind] = ordered_json::object();
            part[kind][field] = piece;
            stream.data(chunk(index, wrap(std::move(part))));
        }
    }

    const Call& call_;
    const Ask& ask_;
    const Plan& plan_;
    bool legacy_;
    std::int64_t choices_ = 1;
};

LocalReply with_id(LocalReply reply, const Ask& ask) {
    reply.headers.emplace_back("x-request-id", make_id("req_", ask.seed, "request"));
    return reply;
}

}  // namespace

std::optional<LocalReply> openai_refusal(const Call& call, std::string_view needed) {
    const auto bad = [](const std::string& message) { return failure(Family::openai, 400, message); };
    if (!call.body.is_object()) return bad("We could not parse the JSON body of your request.");
    const std::string model = text_at(call.body, "model");
    if (auto wanted = wanted_failure(Family::openai, model)) return wanted;
    if (model.empty() && needed != "input?") return bad("you must provide a model parameter");
    if (needed.ends_with('?')) needed.remove_suffix(1);
    if (at(call.body, needed).is_null()) return bad("Missing required parameter: '" + std::string(needed) + "'.");
    return std::nullopt;
}

std::int64_t cached_prefix(const json& body, std::string_view list, std::int64_t input_tokens) {
    constexpr std::int64_t least = 1024;
    constexpr std::int64_t step = 128;
    std::int64_t before_last_answer = 0;
    std::int64_t tokens = tokens_in(at(body, "tools")) + tokens_in(at(body, "instructions"));
    const json& items = at(body, list);
    if (!items.is_array()) return 0;
    for (const json& item : items) {
        if (text_at(item, "role") == "assistant" || text_at(item, "type").ends_with("_call"))
            before_last_answer = tokens;
        tokens += tokens_in(item);
    }
    before_last_answer = std::min(before_last_answer, input_tokens);
    return before_last_answer < least ? 0 : before_last_answer / step * step;
}

LocalReply openai_chat(const Call& call) {
    if (auto refused = openai_refusal(call, "messages")) return std::move(*refused);
    if (!at(call.body, "messages").is_array() || at(call.body, "messages").empty()) {
        return failure(Family::openai, 400,
                       "Invalid 'messages': empty array. Expected an array with minimum length 1.");
    }
    const Ask ask = read_chat(call);
    const Plan plan = demo::plan(ask);
    const ChatWriter writer(call, ask, plan);
    return with_id(flag_at(call.body, "stream") ? writer.streamed() : writer.whole(), ask);
}

LocalReply openai_completions(const Call& call) {
    if (auto refused = openai_refusal(call, "prompt")) return std::move(*refused);
    Ask ask;
    ask.model = text_at(call.body, "model");
    ask.seed = call.raw;
    ask.max_tokens = number_at(call.body, "max_tokens");
    const json& prompt = at(call.body, "prompt");
    ask.user_text = prompt.is_string() ? prompt.get<std::string>() : std::string();
    ask.input_tokens = tokens_in(prompt);
    const Plan plan = demo::plan(ask);
    const ordered_json usage{{"prompt_tokens", ask.input_tokens},
                             {"completion_tokens", plan.output_tokens},
                             {"total_tokens", ask.input_tokens + plan.output_tokens}};
    const auto body = [&](const std::string& text, const ordered_json& finish) -> ordered_json {
        ordered_json choice{{"text", text}, {"index", 0}, {"logprobs", nullptr}, {"finish_reason", finish}};
        return {{"id", make_id("cmpl-", ask.seed, "completion")},
                {"object", "text_completion"},
                {"created", made_at},
                {"model", ask.model},
                {"choices", ordered_json::array({std::move(choice)})}};
    };
    const char* const finish = plan.cut ? "length" : "stop";
    if (!flag_at(call.body, "stream")) {
        ordered_json whole = body(plan.text, finish);
        whole["usage"] = usage;
        return with_id(json_reply(whole), ask);
    }
    Stream stream("text/event-stream; charset=utf-8");
    for (const auto& piece : pieces(plan.text)) stream.data(body(piece, nullptr));
    if (wants_cut(ask.model)) return with_id(stream.take(), ask);
    stream.data(body("", finish));
    if (flag_at(at(call.body, "stream_options"), "include_usage")) {
        ordered_json last = body("", nullptr);
        last["choices"] = ordered_json::array();
        last["usage"] = usage;
        stream.data(last);
    }
    stream.raw("data: [DONE]\n\n");
    return with_id(stream.take(), ask);
}

}  // namespace lurus::provider::demo
