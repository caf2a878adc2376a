// Answers of generateContent and streamGenerateContent: ai.google.dev, Gemini API reference, "GenerateContentResponse"
// and "UsageMetadata". A stream is such responses as events (`alt=sse`) or as elements of one JSON array; no event of
// its own ends it, the last one has a finishReason.

#include <array>

#include "modules/gateway/answer/answer_picks.hpp"
#include "modules/gateway/answer/answer_state.hpp"
#include "modules/gateway/answer/event_text.hpp"
#include "modules/gateway/answer/usage_counts.hpp"
#include "modules/gateway/answer/usage_fields.hpp"
#include "modules/gateway/dialect/gemini/gemini.hpp"

namespace lurus::gateway::gemini {
namespace {

constexpr json::Pick queries[] = {mark("[]", mark_query)};
constexpr json::Pick grounding[] = {mark("webSearchQueries", mark_grounding, queries)};
constexpr json::Pick candidate_members[] = {capture("finishReason", value_finish),
                                            inside("groundingMetadata", grounding),
                                            mark("urlContextMetadata", mark_page_read)};
constexpr json::Pick candidate[] = {inside("[]", candidate_members)};
// Text is looked at in events only, which are whole where they are read: of a body it would have to be kept.
constexpr json::Pick part_members[] = {capture("text", value_delta), capture("functionCall", value_delta)};
constexpr json::Pick parts[] = {inside("[]", part_members)};
constexpr json::Pick content_members[] = {inside("parts", parts)};
constexpr auto event_candidate_members = with(candidate_members, inside("content", content_members));
constexpr json::Pick event_candidate[] = {inside("[]", event_candidate_members)};
// A message of the Live API: content is what its turn says, and the tools that it calls.
constexpr json::Pick spoken[] = {capture("text", value_delta)};
constexpr json::Pick live_content[] = {
    inside("modelTurn", content_members), inside("outputTranscription", spoken), inside("groundingMetadata", grounding),
    mark("urlContextMetadata", mark_page_read), capture("turnComplete", value_finish)};
constexpr json::Pick live_calls[] = {capture("functionCalls", value_delta)};
constexpr json::Pick images_made[] = {mark("[]", mark_image)};
constexpr json::Pick block[] = {capture("blockReason", value_blocked)};
constexpr std::array<json::Pick, 10> members_with(std::span<const json::Pick> of_candidates) {
    return {{
        capture("usageMetadata", value_usage),
        capture("error", value_error),
        capture("message", value_message),
        capture("code", value_code),
        mark("candidates", mark_content, of_candidates),
        mark("promptFeedback", mark_content, block),
        mark("totalTokens", mark_content),
        mark("embedding", mark_content),
        mark("embeddings", mark_content),
        mark("predictions", mark_content, images_made),
    }};
}
constexpr auto members = members_with(candidate);
constexpr auto event_members =
    with(with(members_with(event_candidate), inside("serverContent", live_content)), inside("toolCall", live_calls));
constexpr auto body_or_array = with(members, mark("[]", mark_element, members));

constexpr json::Pick body_picks = inside("", body_or_array);
constexpr json::Pick event_picks = inside("", event_members);

constexpr UsageNames usage_names{"promptTokenCount",
                                 "cachedContentTokenCount",
                                 "toolUsePromptTokenCount",
                                 "thoughtsTokenCount",
                                 "candidatesTokenCount",
                                 "responseTokenCount",
                                 "promptTokensDetails",
                                 "cacheTokensDetails",
                                 "candidatesTokensDetails",
                                 "responseTokensDetails",
                                 "serviceTier",
                                 "trafficType"};
using Fields = KnownUsage<usage_names>;

constexpr std::string_view cannot_shrink[] = {"promptTokenCount",        "cachedContentTokenCount",
                                              "toolUsePromptTokenCount", "thoughtsTokenCount",
                                              "candidatesTokenCount",    "responseTokenCount"};

// Tokens of one modality in a `[{modality, tokenCount}]` list; empty when it is not listed.
Count of_modality(std::string_view list, std::string_view modality) {
    Count found;
    each_element(list, [&](std::string_view entry) {
        if (json::string_value(json::find(entry, {"modality"})) == modality)
            found = plus(found, token_count(json::find(entry, {"tokenCount"})));
    });
    return found;
}

std::string tier(const Fields& fields) {
    std::string named = json::string_value(fields.raw("serviceTier"));
    if (!named.empty()) return named;
    const std::string traffic = json::string_value(fields.raw("trafficType"));
    if (traffic == "TRAFFIC_TYPE_UNSPECIFIED") return {};
    if (traffic == "ON_DEMAND") return "standard";
    if (traffic == "ON_DEMAND_FLEX") return "flex";
    if (traffic == "ON_DEMAND_PRIORITY") return "priority";
    return traffic;
}

Usage usage(const UsageFields& merged) {
    const Fields f(merged);
    Usage usage;
    usage.cache_read = f.count("cachedContentTokenCount");
    usage.input = plus(minus(f.count("promptTokenCount"), usage.cache_read), f.count("toolUsePromptTokenCount"));
    // What a search found is read, but "not charged as input tokens" (ai.google.dev/gemini-api/docs/pricing, the note
    // on Grounding with Google Search); what the other tools retrieve is.
    usage.unbilled_input = f.count("toolUsePromptTokenCount");
    usage.reasoning = f.count("thoughtsTokenCount");
    // `responseTokenCount` is the live API's name.
    usage.output = plus(f.first({"candidatesTokenCount", "responseTokenCount"}), usage.reasoning);
    usage.audio_input =
        minus(of_modality(f.raw("promptTokensDetails"), "AUDIO"), of_modality(f.raw("cacheTokensDetails"), "AUDIO"));
    // As with `responseTokenCount`.
    std::string_view made = f.raw("candidatesTokensDetails");
    if (made.empty()) made = f.raw("responseTokensDetails");
    usage.audio_output = of_modality(made, "AUDIO");
    usage.image_input =
        minus(of_modality(f.raw("promptTokensDetails"), "IMAGE"), of_modality(f.raw("cacheTokensDetails"), "IMAGE"));
    usage.image_output = of_modality(made, "IMAGE");
    usage.service_tier = tier(f);
    return usage;
}

void read_event(AnswerState& answer, const SseEvent& event) {
    answer.pick_text(event.data);
    if (event.name == "error") answer.take_error(read_error(answer.members));
}

}  // namespace

constinit const ReadRules read{.body = &body_picks,
                               .event = &event_picks,
                               .read_event = read_event,
                               .usage = usage,
                               .cannot_shrink = cannot_shrink};

}  // namespace lurus::gateway::gemini
