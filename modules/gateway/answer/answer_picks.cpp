#include "modules/gateway/answer/answer_picks.hpp"

#include <array>

namespace lurus::gateway {
namespace {

using json::Pick;

constexpr Pick capture(std::string_view key, Want want) {
    return {.key = key, .capture = want};
}
constexpr Pick mark(std::string_view key, Place place) {
    return {.key = key, .mark = place};
}
constexpr Pick mark(std::string_view key, Place place, std::span<const Pick> children) {
    return {.key = key, .mark = place, .children = children};
}
constexpr Pick inside(std::string_view key, std::span<const Pick> children) {
    return {.key = key, .children = children};
}

// The same members and one more.
template <std::size_t N>
constexpr std::array<Pick, N + 1> with(const Pick (&members)[N], Pick more) {
    std::array<Pick, N + 1> all{};
    for (std::size_t i = 0; i < N; ++i) all[i] = members[i];
    all[N] = more;
    return all;
}

constexpr Pick usage_only[] = {capture("usage", want_usage)};

// Anthropic
constexpr Pick anthropic_body[] = {
    capture("usage", want_usage),        capture("error", want_error),   capture("message", want_message),
    capture("type", want_type),          capture("detail", want_detail), mark("content", place_content),
    mark("input_tokens", place_content),
};
constexpr Pick anthropic_event[] = {
    capture("type", want_type),
    capture("usage", want_usage),
    capture("error", want_error),
    inside("message", usage_only),
};

// OpenAI's chat and what is like it
constexpr Pick groq[] = {capture("usage", want_usage), capture("error", want_error)};
constexpr Pick any_delta[] = {capture("role", want_nothing), capture("*", want_delta)};
constexpr Pick choice_event_members[] = {
    inside("delta", any_delta),   inside("message", any_delta),
    capture("text", want_delta),  capture("finish_reason", want_finish),
    capture("usage", want_usage),
};
constexpr Pick choice_event[] = {inside("[]", choice_event_members)};
constexpr Pick chat_event[] = {
    capture("usage", want_usage),    capture("error", want_error),     capture("service_tier", want_tier),
    inside("choices", choice_event), inside("x_groq", groq),           capture("type", want_type),
    capture("object", want_object),  capture("message", want_message), capture("code", want_code),
    capture("detail", want_detail),  capture("delta", want_delta),
};

constexpr Pick action_type[] = {capture("type", want_item_action)};
constexpr Pick item_members[] = {capture("type", want_item_type), inside("action", action_type)};
constexpr Pick output_items[] = {mark("[]", place_item, item_members)};
constexpr Pick images_made[] = {mark("[]", place_image)};
constexpr Pick choice_body_members[] = {capture("finish_reason", want_finish), capture("usage", want_usage)};
constexpr Pick choices_of_body[] = {inside("[]", choice_body_members)};
constexpr Pick openai_body_members[] = {
    capture("usage", want_usage),
    capture("error", want_error),
    capture("service_tier", want_tier),
    capture("type", want_type),
    capture("object", want_object),
    capture("message", want_message),
    capture("code", want_code),
    capture("detail", want_detail),
    inside("x_groq", groq),
    mark("choices", place_content, choices_of_body),
    mark("data", place_content, images_made),
    mark("output", place_content, output_items),
    mark("results", place_content),
    mark("text", place_content),
};
constexpr auto openai_body = with(openai_body_members, inside("[]", openai_body_members));

// Responses
constexpr Pick response_error[] = {capture("error", want_error)};
constexpr Pick response_members[] = {
    capture("usage", want_usage),
    capture("error", want_error),
    capture("service_tier", want_tier),
    inside("status_details", response_error),
};
constexpr Pick responses_event[] = {
    capture("type", want_type),   inside("response", response_members), capture("error", want_error),
    capture("code", want_code),   capture("message", want_message),     mark("item", place_item, item_members),
    capture("usage", want_usage),
};

// Gemini
constexpr Pick queries[] = {mark("[]", place_query)};
constexpr Pick grounding[] = {mark("webSearchQueries", place_grounding, queries)};
constexpr Pick candidate_members[] = {capture("finishReason", want_finish), inside("groundingMetadata", grounding)};
constexpr Pick candidate[] = {inside("[]", candidate_members)};
constexpr Pick block[] = {capture("blockReason", want_finish)};
constexpr Pick gemini_members[] = {
    capture("usageMetadata", want_usage),
    capture("error", want_error),
    capture("message", want_message),
    capture("code", want_code),
    mark("candidates", place_content, candidate),
    mark("promptFeedback", place_content, block),
    mark("totalTokens", place_content),
    mark("embedding", place_content),
    mark("embeddings", place_content),
    mark("predictions", place_content, images_made),
};
constexpr auto gemini_body = with(gemini_members, mark("[]", place_element, gemini_members));

constexpr Pick anthropic_body_root = inside("", anthropic_body);
constexpr Pick anthropic_event_root = inside("", anthropic_event);
constexpr Pick chat_event_root = inside("", chat_event);
constexpr Pick openai_body_root = inside("", openai_body);
constexpr Pick responses_event_root = inside("", responses_event);
constexpr Pick gemini_event_root = inside("", gemini_members);
constexpr Pick gemini_body_root = inside("", gemini_body);

}  // namespace

const json::Pick& body_picks(Family family) {
    switch (family) {
        case Family::anthropic: return anthropic_body_root;
        case Family::gemini: return gemini_body_root;
        case Family::openai: break;
    }
    return openai_body_root;
}

const json::Pick& event_picks(Dialect dialect) {
    switch (dialect) {
        case Dialect::anthropic: return anthropic_event_root;
        case Dialect::gemini: return gemini_event_root;
        case Dialect::openai_responses: return responses_event_root;
        case Dialect::openai_chat:
        case Dialect::openai: break;
    }
    return chat_event_root;
}

}  // namespace lurus::gateway
