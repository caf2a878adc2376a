#include "modules/gateway/dialect/openai/openai.hpp"
#include "modules/gateway/dialect/openai_chat/openai_chat.hpp"

namespace lurus::gateway::openai_chat {
namespace {

constexpr PostPath posts[] = {
    {"chat/completions", Operation::chat, "chat.completions", {.dialect = Dialect::openai_chat}},
};

std::optional<Match> match(const RequestPath& request) {
    std::string_view path = request.path;
    if (!take(path, "/v1/")) return std::nullopt;
    return match_post(request.method, path, posts, Dialect::openai_chat);
}

}  // namespace

constinit const EndpointRules endpoints{.match = match, .model = openai::model, .models = openai::models};

}  // namespace lurus::gateway::openai_chat
