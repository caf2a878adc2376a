// Answers of chat and of the older completions: platform.openai.com, API reference, "Chat" and "The chat completion
// chunk object". Chunks hold choices with a delta; one with a finish_reason, then one with the usage where it was asked
// for, and `[DONE]`, which some hosts leave out.

#include <array>

#include "core/json/json_scan.hpp"
#include "modules/gateway/answer/answer_state.hpp"
#include "modules/gateway/answer/event_text.hpp"
#include "modules/gateway/dialect/openai/openai.hpp"
#include "modules/gateway/dialect/openai_chat/openai_chat.hpp"

namespace lurus::gateway::openai_chat {
namespace {

constexpr std::size_t most_text = 40;  // of a chunk that is not read: less than what stands around a tool's arguments

// False when a chunk certainly holds neither usage nor an error nor a finish reason; costs a fraction of reading it.
bool chunk_matters(std::string_view data) {
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

void read_event(AnswerState& answer, const SseEvent& event) {
    if (event.data.starts_with("[DONE]")) return answer.end_at_event();
    if (answer.semantic && event.name != "error" && !event.in_parts && !chunk_matters(event.data) &&
        answer.pass_text(event.data.size(), most_text))
        return;
    answer.pick_text(event.data);
    openai::take_event_error(answer, event);
}

}  // namespace

constinit const ReadRules read{.body = &openai::body_picks,
                               .event = &openai::event_picks,
                               .read_event = read_event,
                               .usage = openai::usage,
                               .cannot_shrink = openai::cannot_shrink,
                               .event_after_finish = true};

}  // namespace lurus::gateway::openai_chat
