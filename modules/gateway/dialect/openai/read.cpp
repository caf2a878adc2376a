// Answers of the other endpoints, and the usage of all OpenAI dialects: platform.openai.com, API reference: embeddings,
// moderations, images and audio with their streaming events. Their last event says so in its name
// (image_generation.completed, speech.audio.done); hosts that speak the dialect add fields of their own to the usage.

#include "modules/gateway/answer/answer_state.hpp"
#include "modules/gateway/answer/event_text.hpp"
#include "modules/gateway/answer/usage_counts.hpp"
#include "modules/gateway/answer/usage_fields.hpp"
#include "modules/gateway/dialect/openai/openai.hpp"

namespace lurus::gateway::openai {
namespace {

constexpr json::Pick groq[] = {capture("usage", value_usage), capture("error", value_error)};
constexpr json::Pick any_delta[] = {capture("role", value_nothing), capture("*", value_delta)};
constexpr json::Pick choice_chunk_members[] = {
    inside("delta", any_delta),    inside("message", any_delta),
    capture("text", value_delta),  capture("finish_reason", value_finish),
    capture("usage", value_usage),
};
constexpr json::Pick choice_chunk[] = {inside("[]", choice_chunk_members)};
constexpr json::Pick event_members[] = {
    capture("usage", value_usage),
    capture("error", value_error),
    capture("service_tier", value_tier),
    inside("choices", choice_chunk),
    inside("x_groq", groq),
    capture("type", value_type),
    capture("object", value_object),
    capture("message", value_message),
    capture("code", value_code),
    capture("detail", value_detail),
    capture("delta", value_delta),
};

constexpr json::Pick output_items[] = {mark("[]", mark_item, output_item)};
constexpr json::Pick images_made[] = {mark("[]", mark_image)};
constexpr json::Pick choice_body_members[] = {capture("finish_reason", value_finish), capture("usage", value_usage)};
constexpr json::Pick choices_of_body[] = {inside("[]", choice_body_members)};
constexpr json::Pick body_members[] = {
    capture("usage", value_usage),
    capture("error", value_error),
    capture("service_tier", value_tier),
    capture("type", value_type),
    capture("object", value_object),
    capture("message", value_message),
    capture("code", value_code),
    capture("detail", value_detail),
    capture("duration", value_seconds),
    inside("x_groq", groq),
    mark("choices", mark_content, choices_of_body),
    mark("data", mark_content, images_made),
    mark("output", mark_content, output_items),
    mark("results", mark_content),
    mark("text", mark_content),
};
constexpr auto body_or_array = with(body_members, inside("[]", body_members));
constexpr auto response_members = with(with(body_members, capture("id", value_id)), capture("status", value_status));

constexpr UsageNames usage_names{"prompt_tokens",
                                 "input_tokens",
                                 "completion_tokens",
                                 "output_tokens",
                                 "total_tokens",
                                 "prompt_tokens_details",
                                 "input_tokens_details",
                                 "input_token_details",
                                 "completion_tokens_details",
                                 "output_tokens_details",
                                 "output_token_details",
                                 "cached_tokens",
                                 "cached_tokens_details",
                                 "cache_read_input_tokens",
                                 "cache_write_tokens",
                                 "cache_creation_input_tokens",
                                 "cache_creation_tokens",
                                 "cache_write_12h_tokens",
                                 "audio_tokens",
                                 "image_tokens",
                                 "seconds",
                                 "reasoning_tokens",
                                 "prompt_cache_hit_tokens",
                                 "prompt_cache_miss_tokens",
                                 "num_cached_tokens",
                                 "server_tool_use",
                                 "web_search_requests",
                                 "num_search_queries",
                                 "service_tier"};
using Fields = KnownUsage<usage_names>;

// The breakdowns of one side's tokens, under the names that hosts give them.
struct Details {
    Fields first, second, third;
    [[nodiscard]] Count count(Fields::Name name) const {
        return first.count(name).or_else([&] { return second.count(name); }).or_else([&] { return third.count(name); });
    }
};

}  // namespace

Usage usage(const UsageFields& merged) {
    const Fields f(merged);
    Usage usage;
    const Count prompt = f.first({"prompt_tokens", "input_tokens"});
    const Count completion = f.first({"completion_tokens", "output_tokens"});
    const Details in{f.inside("prompt_tokens_details"), f.inside("input_tokens_details"),
                     f.inside("input_token_details")};
    const Details out{f.inside("completion_tokens_details"), f.inside("output_tokens_details"),
                      f.inside("output_token_details")};
    usage.cache_read = in.count("cached_tokens").or_else([&] {
        return f.first({"cached_tokens", "prompt_cache_hit_tokens", "num_cached_tokens", "cache_read_input_tokens"});
    });
    usage.cache_write_5m = in.count("cache_write_tokens")
                               .or_else([&] { return in.count("cache_creation_input_tokens"); })
                               .or_else([&] { return in.count("cache_creation_tokens"); })
                               .or_else([&] { return f.count("cache_creation_input_tokens"); });
    // developers.openai.com, "Prompt caching": writes are kept for 30 minutes or, dearer, for 12 hours. The long kind
    // stands beside the short one; where it does not fit there, it is a part of it.
    usage.cache_write_1h = in.count("cache_write_12h_tokens");
    const std::int64_t written = add(usage.cache_write_5m.value_or(0), usage.cache_write_1h.value_or(0));
    if (usage.cache_write_1h && written > minus(prompt, usage.cache_read).value_or(written))
        usage.cache_write_5m = minus(usage.cache_write_5m, usage.cache_write_1h);
    usage.input = minus(minus(minus(prompt, usage.cache_read), usage.cache_write_5m), usage.cache_write_1h);
    // DeepSeek says the fresh part outright when the whole is missing.
    if (!usage.input) usage.input = f.count("prompt_cache_miss_tokens");
    usage.reasoning = out.count("reasoning_tokens").or_else([&] { return f.count("reasoning_tokens"); });
    usage.output = completion;
    // xAI counts reasoning beside the completion; the total tells.
    const Count total = f.count("total_tokens");
    if (total && prompt && completion && usage.reasoning.value_or(0) > 0 &&
        *total == add(add(*prompt, *completion), *usage.reasoning)) {
        usage.output = add(*completion, *usage.reasoning);
    }
    Count cached_audio;
    for (const Fields* object : {&f, &in.third, &in.second, &in.first}) {
        if (!cached_audio) cached_audio = object->inside("cached_tokens_details").count("audio_tokens");
    }
    usage.audio_input = minus(in.count("audio_tokens"), cached_audio);
    usage.audio_output = out.count("audio_tokens");
    usage.image_input = in.count("image_tokens");
    usage.image_output = out.count("image_tokens");
    usage.audio_seconds = f.count("seconds");
    usage.web_searches =
        f.inside("server_tool_use").count("web_search_requests").or_else([&] { return f.count("num_search_queries"); });
    usage.service_tier = json::string_value(f.raw("service_tier"));
    return usage;
}

constinit const json::Pick body_picks = inside("", body_or_array);
constinit const json::Pick response_picks = inside("", response_members);
constinit const json::Pick event_picks = inside("", event_members);

bool take_event_error(AnswerState& answer, const SseEvent& event) {
    const ErrorMembers& members = answer.members;
    const bool named = event.name == "error";
    if (!named && members.object != "\"error\"" && json::string_value(members.type) != "error" &&
        (answer.event_semantic || members.code.empty()))
        return false;
    answer.take_error(read_error(members));
    if (named) answer.take_error("error", event.data);
    return true;
}

namespace {

// Pictures and sound as streams.
void read_event(AnswerState& answer, const SseEvent& event) {
    if (event.data.starts_with("[DONE]")) return answer.end_at_event();
    answer.pick(event.data);
    if (take_event_error(answer, event)) return;
    answer.event_semantic = true;
    const std::string type = json::string_value(answer.members.type);
    if (!type.ends_with(".completed") && !type.ends_with(".done")) return;
    answer.finished = true;
    answer.count_image();
}

}  // namespace

constinit const ReadRules read{.body = &body_picks,
                               .event = &event_picks,
                               .read_event = read_event,
                               .usage = usage,
                               .cannot_shrink = cannot_shrink};

}  // namespace lurus::gateway::openai
