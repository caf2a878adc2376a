#pragma once
// OpenAI Responses: between reading what was asked and writing the answer.

#include "modules/provider/demo/demo_reply.hpp"

namespace lurus::provider::demo {

struct ResponsesAsk {
    Ask ask;
    bool compacts = false;   // exactly one compaction item is wanted
    bool summarise = false;  // reasoning summaries are wanted
    bool encrypted = false;  // reasoning.encrypted_content is wanted
    std::int64_t cached_tokens = 0;
};

LocalReply write_response(const Call& call, const ResponsesAsk& asked);
ordered_json compaction_item(const Ask& ask);
ordered_json responses_usage(const ResponsesAsk& asked, std::int64_t output, std::int64_t reasoning);

}  // namespace lurus::provider::demo
