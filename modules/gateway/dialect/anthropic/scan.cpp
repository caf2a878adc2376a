#include "modules/gateway/dialect/anthropic/anthropic.hpp"

namespace lurus::gateway::anthropic {
namespace {

constexpr MaxOutputField max_output[] = {{.key = "max_tokens"}};

}  // namespace

constinit const ScanRules scan{.max_output = max_output};

}  // namespace lurus::gateway::anthropic
