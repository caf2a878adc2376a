#pragma once

#include "modules/gateway/dialect/dialect.hpp"

namespace lurus::gateway::gemini {

extern const ScanRules scan;
extern const ReadRules read;
extern const ErrorRules errors;
extern const LimitRules limits;
extern const EndpointRules endpoints;

}  // namespace lurus::gateway::gemini
