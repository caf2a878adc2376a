#include "modules/gateway/dialect/openai/openai.hpp"
#include "modules/gateway/dialect/openai_chat/openai_chat.hpp"

namespace lurus::gateway::openai_chat {

constinit const ErrorRules errors{
    .body = openai::error_body, .in_stream = openai::stream_error, .keepalive = ": keepalive\n\n"};

}  // namespace lurus::gateway::openai_chat
