#pragma once
// The fields of the vendors' usage objects that are counted, as small numbers.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace lurus::gateway {

/// A field's number is its place here.
inline constexpr auto usage_names = std::to_array<std::string_view>(
    {// Anthropic
     "input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "cache_creation",
     "ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens", "output_tokens_details", "thinking_tokens",
     "reasoning_tokens", "iterations", "server_tool_use", "web_search_requests", "service_tier",
     // OpenAI and who speaks like it
     "prompt_tokens", "completion_tokens", "total_tokens", "prompt_tokens_details", "input_tokens_details",
     "input_token_details", "completion_tokens_details", "output_token_details", "cached_tokens",
     "cached_tokens_details", "cache_write_tokens", "cache_creation_tokens", "audio_tokens", "prompt_cache_hit_tokens",
     "prompt_cache_miss_tokens", "num_cached_tokens", "num_search_queries",
     // Gemini
     "promptTokenCount", "cachedContentTokenCount", "toolUsePromptTokenCount", "thoughtsTokenCount",
     "candidatesTokenCount", "responseTokenCount", "promptTokensDetails", "cacheTokensDetails",
     "candidatesTokensDetails", "serviceTier", "trafficType"});

/// A field by its name, looked up by the compiler: a name that is not in the list does not compile.
struct UsageName {
    std::uint8_t id = 0;
    // Not explicit: a literal stands for its number.
    consteval UsageName(const char* name) {
        while (usage_names.at(id) != name) ++id;
    }
};

/// The number of a key as written between its quotes; empty for a key that is none of them.
std::optional<std::uint8_t> usage_id(std::string_view raw_key);

}  // namespace lurus::gateway
