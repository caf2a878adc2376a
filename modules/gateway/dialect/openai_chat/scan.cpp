#include "modules/gateway/dialect/openai_chat/openai_chat.hpp"

namespace lurus::gateway::openai_chat {
namespace {

constexpr MaxOutputField max_output[] = {
    {.key = "max_tokens"}, {.key = "max_completion_tokens"}, {.key = "max_output_tokens"}};

}  // namespace

constinit const ScanRules scan{.max_output = max_output};

}  // namespace lurus::gateway::openai_chat
