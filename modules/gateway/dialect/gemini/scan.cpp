#include "modules/gateway/dialect/gemini/gemini.hpp"

namespace lurus::gateway::gemini {
namespace {

constexpr MaxOutputField max_output[] = {
    {.key = "generationConfig", .members = {"maxOutputTokens", "max_output_tokens"}},
    {.key = "generation_config", .members = {"maxOutputTokens", "max_output_tokens"}},
};

}  // namespace

constinit const ScanRules scan{.max_output = max_output, .json_body = true};

}  // namespace lurus::gateway::gemini
