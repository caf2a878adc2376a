#pragma once
// What the OpenAI endpoints of the demo share.

#include "modules/provider/demo/demo_reply.hpp"

namespace lurus::provider::demo {

/// Why the request cannot be answered, or nothing. `needed` is the field that must be there; `input?` lets the model be
/// absent.
std::optional<LocalReply> openai_refusal(const Call& call, std::string_view needed);

/// What an earlier turn would have left in the prompt cache: whole steps of 128, from 1024 up.
std::int64_t cached_prefix(const json& body, std::string_view list, std::int64_t input_tokens);

}  // namespace lurus::provider::demo
