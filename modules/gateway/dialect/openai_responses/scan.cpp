#include "modules/gateway/dialect/openai_responses/openai_responses.hpp"

namespace lurus::gateway::openai_responses {
namespace {

constexpr MaxOutputField max_output[] = {
    {.key = "max_tokens"}, {.key = "max_completion_tokens"}, {.key = "max_output_tokens"}};

}  // namespace

constinit const ScanRules scan{.max_output = max_output};

}  // namespace lurus::gateway::openai_responses
