// OpenAI Responses: the answer, whole or as its events.

#include "modules/provider/demo/demo_responses.hpp"

namespace lurus::provider::demo {
namespace {

ordered_json ordered(const json& value) {
    return ordered_json::parse(dump(value));
}

ordered_json or_else(const json& value, ordered_json otherwise) {
    return value.is_null() ? std::move(otherwise) : ordered(value);
}

class ResponseWriter {
public:
    ResponseWriter(const Call& call, const ResponsesAsk& asked)
        : call_(call), asked_(asked), plan_(demo::plan(asked.ask)) {
        if (asked.compacts) {
            items_.push_back(compaction_item(asked.ask));
            plan_ = Plan{};
            plan_.output_tokens = tokens_of(items_[0]["encrypted_content"].get<std::string>());
            return;
        }
        if (!plan_.thinking.empty()) items_.push_back(reasoning_item());
        items_.push_back(plan_.call ? call_item() : message_item());
    }

    [[nodiscard]] LocalReply whole() const { return json_reply(response(plan_.cut ? "incomplete" : "completed")); }

    [[nodiscard]] LocalReply streamed() {
        if (wants_error_event(ask().model)) {
            emit("response.created", {{"response", response("in_progress")}});
            ordered_json failed = response("failed");
            failed["error"] = {{"code", "server_error"},
                               {"message", "The server had an error while processing your request."}};
            emit("response.failed", {{"response", std::move(failed)}});
            return stream_.take();
        }
        emit("response.created", {{"response", response("in_progress")}});
        emit("response.in_progress", {{"response", response("in_progress")}});
        for (std::size_t i = 0; i < items_.size(); ++i) {
            const std::string type = items_[i]["type"];
            if (type == "reasoning") {
                reasoning(items_[i], i);
            } else if (type == "message") {
                message(items_[i], i);
            } else if (type == "compaction") {
                added(items_[i], i);
            } else {
                tool_call(items_[i], i);
            }
            emit("response.output_item.done", {{"output_index", i}, {"item", items_[i]}});
        }
        if (wants_cut(ask().model)) return stream_.take();
        const char* const status = plan_.cut ? "incomplete" : "completed";
        emit("response." + std::string(status), {{"response", response(status)}});
        return stream_.take();
    }

private:
    [[nodiscard]] const Ask& ask() const { return asked_.ask; }

    [[nodiscard]] ordered_json reasoning_item() const {
        ordered_json item{
            {"id", make_id("rs_", ask().seed, "reasoning")}, {"type", "reasoning"}, {"summary", ordered_json::array()}};
        if (asked_.summarise) item["summary"].push_back({{"type", "summary_text"}, {"text", plan_.thinking}});
        if (asked_.encrypted) item["encrypted_content"] = make_blob(ask().seed, "reasoning", 160);
        return item;
    }
    [[nodiscard]] ordered_json message_item() const {
        ordered_json part{{"type", "output_text"},
                          {"annotations", ordered_json::array()},
                          {"logprobs", ordered_json::array()},
                          {"text", plan_.text}};
        return {{"id", make_id("msg_", ask().seed, "message")},
                {"type", "message"},
                {"status", plan_.cut ? "incomplete" : "completed"},
                {"content", ordered_json::array({std::move(part)})},
                {"role", "assistant"}};
    }
    [[nodiscard]] ordered_json call_item() const {
        const ToolCall& call = *plan_.call;
        ordered_json item;
        item["id"] = make_id(call.tool.custom ? "ctc_" : "fc_", ask().seed, "call");
        item["type"] = call.tool.custom ? "custom_tool_call" : "function_call";
        item["status"] = "completed";
        item[call.tool.custom ? "input" : "arguments"] = call.text();
        item["call_id"] = make_id("call_", ask().seed, "tool");
        item["name"] = call.tool.name;
        if (!call.tool.space.empty()) item["namespace"] = call.tool.space;
        return item;
    }

    [[nodiscard]] ordered_json response(std::string_view status) const {
        const json& body = call_.body;
        const bool ended = status == "completed" || status == "incomplete";
        ordered_json out;
        out["id"] = make_id("resp_", ask().seed, "response", 48);
        out["object"] = "response";
        out["created_at"] = made_at;
        out["status"] = status;
        out["background"] = false;
        out["completed_at"] = status == "completed" ? ordered_json(made_at + 1) : ordered_json(nullptr);
        out["error"] = nullptr;
        out["incomplete_details"] =
            status == "incomplete" ? ordered_json{{"reason", "max_output_tokens"}} : ordered_json(nullptr);
        out["instructions"] = ordered(at(body, "instructions"));
        out["max_output_tokens"] = ordered(at(body, "max_output_tokens"));
        out["max_tool_calls"] = ordered(at(body, "max_tool_calls"));
        out["model"] = ask().model;
        out["output"] = ended ? items_ : ordered_json::array();
        out["parallel_tool_calls"] = or_else(at(body, "parallel_tool_calls"), true);
        out["previous_response_id"] = ordered(at(body, "previous_response_id"));
        out["prompt_cache_key"] = ordered(at(body, "prompt_cache_key"));
        out["reasoning"] = {{"effort", ordered(at(at(body, "reasoning"), "effort"))},
                            {"summary", ordered(at(at(body, "reasoning"), "summary"))}};
        out["safety_identifier"] = ordered(at(body, "safety_identifier"));
        out["service_tier"] = "default";
        out["store"] = false;
        out["temperature"] = or_else(at(body, "temperature"), 1.0);
        out["text"] = or_else(at(body, "text"), ordered_json::object());
        if (!out["text"].contains("format")) out["text"]["format"] = {{"type", "text"}};
        out["tool_choice"] = or_else(at(body, "tool_choice"), "auto");
        out["tools"] = or_else(at(body, "tools"), ordered_json::array());
        out["top_logprobs"] = 0;
        out["top_p"] = or_else(at(body, "top_p"), 1.0);
        out["truncation"] = or_else(at(body, "truncation"), "disabled");
        out["usage"] =
            ended ? responses_usage(asked_, plan_.output_tokens, plan_.thinking_tokens) : ordered_json(nullptr);
        out["user"] = ordered(at(body, "user"));
        out["metadata"] = or_else(at(body, "metadata"), ordered_json::object());
        return out;
    }

    void emit(const std::string& type, ordered_json fields) {
        ordered_json event{{"type", type}, {"sequence_number", sequence_++}};
        event.update(fields);
        stream_.event(type, event);
    }
    void added(const ordered_json& item, std::size_t index) {
        emit("response.output_item.added", {{"output_index", index}, {"item", item}});
    }

    void reasoning(const ordered_json& item, std::size_t index) {
        ordered_json empty = item;
        empty["summary"] = ordered_json::array();
        if (empty.contains("encrypted_content")) empty["encrypted_content"] = "";
        added(empty, index);
        const ordered_json position{{"item_id", item["id"]}, {"output_index", index}, {"summary_index", 0}};
        const auto send = [&](const std::string& name, const char* key, ordered_json value) {
            ordered_json fields = position;
            fields[key] = std::move(value);
            emit("response.reasoning_summary_" + name, std::move(fields));
        };
        if (item["summary"].empty()) return;
        send("part.added", "part", {{"type", "summary_text"}, {"text", ""}});
        for (const auto& piece : pieces(plan_.thinking)) send("text.delta", "delta", piece);
        send("text.done", "text", plan_.thinking);
        send("part.done", "part", item["summary"][0]);
    }

    void message(const ordered_json& item, std::size_t index) {
        ordered_json empty = item;
        empty["content"] = ordered_json::array();
        empty["status"] = "in_progress";
        added(empty, index);
        const ordered_json& part = item["content"][0];
        ordered_json blank = part;
        blank["text"] = "";
        const ordered_json position{{"item_id", item["id"]}, {"output_index", index}, {"content_index", 0}};
        const auto send = [&](const std::string& name, const ordered_json& more) {
            ordered_json fields = position;
            fields.update(more);
            emit("response." + name, std::move(fields));
        };
        send("content_part.added", {{"part", blank}});
        for (const auto& piece : pieces(plan_.text))
            send("output_text.delta", {{"delta", piece}, {"logprobs", ordered_json::array()}});
        send("output_text.done", {{"text", plan_.text}, {"logprobs", ordered_json::array()}});
        send("content_part.done", {{"part", part}});
    }

    void tool_call(const ordered_json& item, std::size_t index) {
        const bool custom = item["type"] == "custom_tool_call";
        const char* const field = custom ? "input" : "arguments";
        const std::string event = custom ? "response.custom_tool_call_input." : "response.function_call_arguments.";
        ordered_json empty = item;
        empty[field] = "";
        empty["status"] = "in_progress";
        added(empty, index);
        const std::string text = item[field];
        for (const auto& piece : pieces(text))
            emit(event + "delta", {{"item_id", item["id"]}, {"output_index", index}, {"delta", piece}});
        ordered_json done{{"item_id", item["id"]}, {"output_index", index}};
        done[field] = text;
        if (!custom) done["name"] = item["name"];
        emit(event + "done", std::move(done));
    }

    const Call& call_;
    const ResponsesAsk& asked_;
    Plan plan_;
    ordered_json items_ = ordered_json::array();
    Stream stream_{"text/event-stream; charset=utf-8"};
    int sequence_ = 0;
};

}  // namespace

ordered_json compaction_item(const Ask& ask) {
    return {{"id", make_id("cmp_", ask.seed, "compaction")},
            {"type", "compaction"},
            {"encrypted_content", make_blob(ask.seed, "compaction", 256)}};
}

ordered_json responses_usage(const ResponsesAsk& asked, std::int64_t output, std::int64_t reasoning) {
    return {{"input_tokens", asked.ask.input_tokens},
            {"input_tokens_details", {{"cached_tokens", asked.cached_tokens}}},
            {"output_tokens", output},
            {"output_tokens_details", {{"reasoning_tokens", reasoning}}},
            {"total_tokens", asked.ask.input_tokens + output}};
}

LocalReply write_response(const Call& call, const ResponsesAsk& asked) {
    ResponseWriter writer(call, asked);
    return flag_at(call.body, "stream") ? writer.streamed() : writer.whole();
}

}  // namespace lurus::provider::demo
