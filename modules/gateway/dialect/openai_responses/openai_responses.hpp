#pragma once

#include "modules/gateway/dialect/dialect.hpp"

namespace lurus::gateway::openai_responses {

extern const ScanRules scan;
extern const ReadRules read;
extern const ErrorRules errors;
extern const EndpointRules endpoints;

}  // namespace lurus::gateway::openai_responses
