#include "modules/gateway/dialect/openai/openai.hpp"

namespace lurus::gateway::openai {
namespace {

// Hosts take the names of all three dialects in any of them.
constexpr MaxOutputField max_output[] = {
    {.key = "max_tokens"}, {.key = "max_completion_tokens"}, {.key = "max_output_tokens"}};

}  // namespace

constinit const ScanRules scan{.max_output = max_output};

}  // namespace lurus::gateway::openai
