#pragma once
// What OpenAI serves beside chat and responses, and what all of its dialects have in common.

#include "modules/gateway/answer/answer_picks.hpp"
#include "modules/gateway/dialect/dialect.hpp"

namespace lurus::gateway::openai {

extern const ScanRules scan;
extern const ReadRules read;
extern const ErrorRules errors;
extern const LimitRules limits;
extern const EndpointRules endpoints;

/// Members of an item of a response's `output`.
inline constexpr json::Pick action_type[] = {capture("type", value_item_action)};
inline constexpr json::Pick output_item[] = {capture("type", value_item_type), inside("action", action_type)};

/// Counts that some hosts zero in an event after the real one.
inline constexpr std::string_view cannot_shrink[] = {"prompt_tokens",
                                                     "input_tokens",
                                                     "completion_tokens",
                                                     "output_tokens",
                                                     "total_tokens",
                                                     "cached_tokens",
                                                     "cache_read_input_tokens",
                                                     "cache_write_tokens",
                                                     "cache_write_12h_tokens",
                                                     "cache_creation_input_tokens",
                                                     "cache_creation_tokens",
                                                     "audio_tokens",
                                                     "image_tokens",
                                                     "reasoning_tokens",
                                                     "num_cached_tokens",
                                                     "prompt_cache_hit_tokens",
                                                     "prompt_cache_miss_tokens"};

extern const json::Pick body_picks;
/// The same with the id and the status of a response.
extern const json::Pick response_picks;
/// Of a chunk of chat, and of the events of pictures and sound.
extern const json::Pick event_picks;

/// An error that an event itself tells, by its name, its `type`, its `object` or a `code` without content. True when
/// there is one.
bool take_event_error(AnswerState& answer, const SseEvent& event);
Usage usage(const UsageFields& merged);

/// The words of the error object: its type, and its code as JSON.
struct ErrorNames {
    std::string_view type;
    std::string code;
};
ErrorNames error_names(int status);
std::string error_body(int status, std::string_view message, const Id& trace_id);
std::string stream_error(bool array, int status, std::string_view message, const Id& trace_id);
std::string model(const ModelEntry& model);
std::string models(std::string_view list, const std::vector<ModelEntry>& models);

}  // namespace lurus::gateway::openai
