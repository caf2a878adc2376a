// Gemini: generateContent and its kin.

#include <algorithm>

#include "modules/provider/demo/demo_reply.hpp"
#include "modules/provider/demo/demo_vectors.hpp"

namespace lurus::provider::demo {
namespace {

constexpr std::size_t usual_dimensions = 3072;

const json& either(const json& object, const char* camel, const char* snake) {
    const json& found = at(object, camel);
    return found.is_null() ? at(object, snake) : found;
}

std::string response_text(const json& response) {
    const json& inner = at(response, "response");
    for (const char* key : {"output", "result", "content", "error"}) {
        if (const std::string text = text_at(inner, key); !text.empty()) return text;
    }
    return inner.is_null() ? std::string() : dump(inner);
}

void read_contents(const json& contents, Ask& ask) {
    if (!contents.is_array()) return;
    for (const json& content : contents) {
        if (text_at(content, "role") == "model" || !at(content, "parts").is_array()) continue;
        bool result = false;
        std::string said;
        for (const json& part : at(content, "parts")) {
            if (const json& response = either(part, "functionResponse", "function_response"); response.is_object()) {
                result = true;
                ask.tool_result = response_text(response);
            }
            // Clients put their own context in angle brackets beside what the user wrote.
            const std::string text = text_at(part, "text");
            if (!text.empty() && !text.starts_with('<')) said = text;
        }
        if (result || !said.empty()) ask.after_tool = result;
        if (!said.empty()) ask.user_text = said;
    }
}

Ask read_gemini(const Call& call, std::string model) {
    const json& body = call.body;
    Ask ask;
    ask.model = std::move(model);
    ask.seed = call.raw;
    const json& config = either(body, "generationConfig", "generation_config");
    ask.max_tokens = number_at(config, "maxOutputTokens");
    ask.input_tokens = tokens_in(at(body, "contents")) +
                       tokens_in(either(body, "systemInstruction", "system_instruction")) +
                       tokens_in(at(body, "tools"));
    read_contents(at(body, "contents"), ask);
    if (const json& tools = at(body, "tools"); tools.is_array()) {
        for (const json& tool : tools) {
            for (const json& declared : either(tool, "functionDeclarations", "function_declarations")) {
                Tool& added = ask.tools.emplace_back();
                added.name = text_at(declared, "name");
                added.description = text_at(declared, "description");
                for (const char* key : {"parameters", "parametersJsonSchema"}) {
                    if (at(declared, key).is_object()) added.schema = at(declared, key);
                }
            }
        }
    }
    const json& calling = at(at(body, "toolConfig"), "functionCallingConfig");
    if (text_at(calling, "mode") == "NONE") ask.tool_use = ToolUse::forbidden;
    if (const json& names = at(calling, "allowedFunctionNames");
        names.is_array() && !names.empty() && names.front().is_string()) {
        ask.wanted_tool = names.front().get<std::string>();
    }
    const json& thinking = at(config, "thinkingConfig");
    ask.think = flag_at(thinking, "includeThoughts") && at(thinking, "thinkingBudget") != 0;
    ask.json_mode = text_at(config, "responseMimeType") == "application/json";
    for (const char* key : {"responseSchema", "responseJsonSchema"}) {
        if (at(config, key).is_object()) ask.schema = at(config, key);
    }
    return ask;
}

std::int64_t cached_tokens(const json& body, std::int64_t input) {
    constexpr std::int64_t least = 1024;
    std::int64_t tokens =
        tokens_in(at(body, "tools")) + tokens_in(either(body, "systemInstruction", "system_instruction"));
    std::int64_t before_last_answer = 0;
    for (const json& content : at(body, "contents")) {
        if (text_at(content, "role") == "model") before_last_answer = tokens;
        tokens += tokens_in(content);
    }
    before_last_answer = std::min(before_last_answer, input);
    return before_last_answer < least ? 0 : before_last_answer;
}

class Writer {
public:
    Writer(const Call& call, const Ask& ask)
        : call_(call), ask_(ask), plan_(demo::plan(ask)), cached_(cached_tokens(call.body, ask.input_tokens)) {}

    [[nodiscard]] LocalReply whole() const {
        ordered_json parts = ordered_json::array();
        if (!plan_.thinking.empty()) parts.push_back({{"text", plan_.thinking}, {"thought", true}});
        parts.push_back(plan_.call ? call_part() : ordered_json{{"text", plan_.text}});
        LocalReply reply = json_reply(chunk(std::move(parts), true));
        reply.headers.front().second = "application/json; charset=UTF-8";
        return reply;
    }

    [[nodiscard]] LocalReply streamed(bool sse) const {
        std::vector<ordered_json> chunks;
        const auto add = [&](ordered_json part, bool last) {
            chunks.push_back(chunk(ordered_json::array({std::move(part)}), last));
        };
        if (!plan_.thinking.empty()) add({{"text", plan_.thinking}, {"thought", true}}, false);
        if (plan_.call) {
            add(call_part(), false);
            add({{"text", ""}}, true);
        } else {
            const auto texts = pieces(plan_.text);
            for (std::size_t i = 0; i < texts.size(); ++i) add({{"text", texts[i]}}, i + 1 == texts.size());
            if (texts.empty()) add({{"text", ""}}, true);
        }
        if (wants_cut(ask_.model)) chunks.pop_back();
        if (wants_error_event(ask_.model))
            chunks.assign(1, failure_body(Family::gemini, 503, "The model is overloaded. Please try again later."));
        return sse ? as_events(chunks) : as_array(chunks);
    }

private:
    [[nodiscard]] ordered_json call_part() const {
        ordered_json call{{"name", plan_.call->tool.name}, {"args", ordered_json::parse(dump(plan_.call->arguments))}};
        return {{"functionCall", std::move(call)}, {"thoughtSignature", make_blob(ask_.seed, "thought")}};
    }

    [[nodiscard]] ordered_json chunk(ordered_json parts, bool last) const {
        ordered_json candidate;
        candidate["content"] = {{"parts", std::move(parts)}, {"role", "model"}};
        if (last) candidate["finishReason"] = plan_.cut ? "MAX_TOKENS" : "STOP";
        candidate["index"] = 0;
        ordered_json usage;
        usage["promptTokenCount"] = ask_.input_tokens;
        if (last) usage["candidatesTokenCount"] = plan_.output_tokens - plan_.thinking_tokens;
        usage["totalTokenCount"] = ask_.input_tokens + (last ? plan_.output_tokens : 0);
        if (cached_ > 0) usage["cachedContentTokenCount"] = cached_;
        usage["promptTokensDetails"] = ordered_json::array({{{"modality", "TEXT"}, {"tokenCount", ask_.input_tokens}}});
        if (last && plan_.thinking_tokens > 0) usage["thoughtsTokenCount"] = plan_.thinking_tokens;
        return {{"candidates", ordered_json::array({std::move(candidate)})},
                {"usageMetadata", std::move(usage)},
                {"modelVersion", ask_.model},
                {"responseId", make_id("", ask_.seed, "response", 22)}};
    }

    static LocalReply as_events(const std::vector<ordered_json>& chunks) {
        Stream stream("text/event-stream");
        for (const auto& one : chunks) stream.data(one, "\r\n");
        return stream.take();
    }

    [[nodiscard]] LocalReply as_array(const std::vector<ordered_json>& chunks) const {
        Stream stream("application/json; charset=UTF-8");
        for (std::size_t i = 0; i < chunks.size(); ++i) {
            const std::string text = chunks[i].dump(2, ' ', false, ordered_json::error_handler_t::replace);
            const bool last = i + 1 == chunks.size() && !wants_cut(ask_.model);
            stream.raw((i == 0 ? "[" : ",\r\n") + text + (last ? "\n]" : "\n"));
        }
        return stream.take();
    }

    const Call& call_;
    const Ask& ask_;
    Plan plan_;
    std::int64_t cached_;
};

std::string content_text(const json& content) {
    std::string text;
    for (const json& part : at(content, "parts")) text += text_at(part, "text");
    return text;
}

ordered_json embedding(const json& request) {
    const auto wanted = number_at(request, "outputDimensionality");
    const std::size_t size =
        wanted > 0 ? static_cast<std::size_t>(std::min<std::int64_t>(wanted, usual_dimensions)) : usual_dimensions;
    return {{"values", unit_vector(content_text(at(request, "content")), size)}};
}

LocalReply embed(const Call& call) {
    if (!at(call.body, "content").is_object()) return failure(Family::gemini, 400, "content is required");
    return json_reply({{"embedding", embedding(call.body)}});
}

LocalReply embed_batch(const Call& call) {
    const json& requests = at(call.body, "requests");
    if (!requests.is_array() || requests.empty()) return failure(Family::gemini, 400, "requests is required");
    ordered_json all = ordered_json::array();
    for (const json& request : requests) all.push_back(embedding(request));
    return json_reply({{"embeddings", std::move(all)}});
}

LocalReply count(const Call& call, const std::string& model) {
    Call inner = call;
    if (const json& request = at(call.body, "generateContentRequest"); request.is_object()) inner.body = request;
    if (!at(inner.body, "contents").is_array()) return failure(Family::gemini, 400, "contents is not specified");
    const std::int64_t tokens = read_gemini(inner, model).input_tokens;
    return json_reply({{"totalTokens", tokens},
                       {"promptTokensDetails", ordered_json::array({{{"modality", "TEXT"}, {"tokenCount", tokens}}})}});
}

}  // namespace

LocalReply gemini_call(const Call& call, std::string_view rest) {
    const auto colon = rest.rfind(':');
    const std::string model(rest.substr(0, colon));
    const std::string_view method = rest.substr(colon + 1);
    if (auto wanted = wanted_failure(Family::gemini, model)) return std::move(*wanted);
    if (!call.body.is_object()) return failure(Family::gemini, 400, "Invalid JSON payload received.");
    if (method == "countTokens") return count(call, model);
    if (method == "embedContent") return embed(call);
    if (method == "batchEmbedContents") return embed_batch(call);
    if (method != "generateContent" && method != "streamGenerateContent") {
        return failure(Family::gemini, 404, "The demo does not serve the method " + excerpt(method, 60) + ".");
    }
    const json& contents = at(call.body, "contents");
    if (!contents.is_array() || contents.empty())
        return failure(Family::gemini, 400, "* GenerateContentRequest.contents: contents is not specified");
    const Ask ask = read_gemini(call, model);
    const Writer writer(call, ask);
    if (method == "generateContent") return writer.whole();
    return writer.streamed(("&" + call.query + "&").contains("&alt=sse&"));
}

}  // namespace lurus::provider::demo
