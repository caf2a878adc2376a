// Answers of the Responses API: platform.openai.com, API reference, "Responses" and "Streaming events", as events of a
// stream, as messages of a WebSocket, and those of a realtime session. The last event is response.completed,
// .incomplete, .failed, .done or .cancelled and carries the usage; web searches are items of the output.

#include "core/json/json_scan.hpp"
#include "modules/gateway/answer/answer_state.hpp"
#include "modules/gateway/answer/event_text.hpp"
#include "modules/gateway/dialect/openai/openai.hpp"
#include "modules/gateway/dialect/openai_responses/openai_responses.hpp"

namespace lurus::gateway::openai_responses {
namespace {

constexpr json::Pick response_error[] = {capture("error", value_error)};
constexpr json::Pick response_members[] = {
    capture("usage", value_usage),
    capture("error", value_error),
    capture("service_tier", value_tier),
    inside("status_details", response_error),
    capture("id", value_id),
    capture("status", value_status),
};
constexpr json::Pick event_members[] = {
    capture("type", value_type),   inside("response", response_members), capture("error", value_error),
    capture("code", value_code),   capture("message", value_message),    mark("item", mark_item, openai::output_item),
    capture("usage", value_usage), capture("delta", value_delta),
};

constexpr std::size_t most_text = 256;  // of an event that is not read

constexpr json::Pick event_picks = inside("", event_members);

bool ends_response(std::string_view type) {
    return type == "response.completed" || type == "response.incomplete" || type == "response.failed" ||
           type == "response.done" || type == "response.cancelled";
}

bool is_content(std::string_view type) {
    return type.starts_with("response.") && type != "response.created" && type != "response.in_progress" &&
           type != "response.queued" && type != "response.failed";
}

void read_event(AnswerState& answer, const SseEvent& event) {
    const std::string_view data = event.data;
    std::string_view type = event_type(data);
    std::string inner;
    if (type.empty()) type = event.name;
    if (type.ends_with(".delta")) {
        if (!answer.pass_text(data.size(), most_text)) answer.pick_text(data);
        answer.event_semantic = true;
        return;
    }
    const bool error_named = event.name == "error";
    const bool item_done = type == "response.output_item.done" &&
                           (event.in_parts || data.find("web_search_call") != std::string_view::npos);
    const bool begins = answer.may_be_background() && answer.answer_id.empty();
    if (begins || type.empty() || ends_response(type) || type == "error" || error_named || item_done) {
        const std::int64_t before = answer.searches;
        answer.pick(data);
        if (type.empty()) type = inner = json::string_value(answer.members.type);
        // The item also comes in `output_item.added`.
        if (type != "response.output_item.done") answer.searches = before;
    }
    if (type == "error" || error_named) {
        answer.take_error(read_error(answer.members));
        answer.take_error("error", data);
        return;
    }
    if (type == "response.failed") answer.take_error("error", "response.failed");
    if (ends_response(type)) answer.end_at_event();
    answer.event_semantic = is_content(type);
}

}  // namespace

constinit const ReadRules read{.body = &openai::response_picks,
                               .event = &event_picks,
                               .read_event = read_event,
                               .usage = openai::usage,
                               .cannot_shrink = openai::cannot_shrink};

}  // namespace lurus::gateway::openai_responses
