#include "core/json/json_scan.hpp"
#include "lurus/clock.hpp"
#include "modules/gateway/dialect/anthropic/anthropic.hpp"

namespace lurus::gateway::anthropic {
namespace {

constexpr PostPath posts[] = {
    {"messages", Operation::messages, "messages", {.dialect = Dialect::anthropic}},
    {"messages/count_tokens",
     Operation::count_tokens,
     "messages.count_tokens",
     {.dialect = Dialect::anthropic, .metered = false}},
};

constexpr ResourceFolder batches[] = {
    {.path = "messages/batches", .name = "messages.batches", .unseen_models = true},
};
// OpenAI has the same paths: these are for whoever shows to be a client of Anthropic's.
constexpr ResourceFolder shared[] = {
    {.path = "files", .name = "files", .files = true},
    {.path = "skills", .name = "skills", .made_below = true, .files = true},
};

std::optional<Match> match(const RequestPath& request) {
    std::string_view path = request.path;
    std::string_view below = path;
    if (take(below, "/v1/")) {
        if (const auto known = match_resource(request.method, below, batches, Dialect::anthropic)) return known;
        if (request.hinted == Dialect::anthropic) {
            if (const auto known = match_resource(request.method, below, shared, Dialect::anthropic)) return known;
        }
    }
    if (!take(path, "/v1/messages") || (!path.empty() && path.front() != '/')) return std::nullopt;
    const auto known = match_post(request.method, request.path.substr(4), posts, Dialect::anthropic);
    return known ? known : refused(Dialect::anthropic, MatchError::unknown_path);
}

// RFC 3339 in whole seconds.
std::string created_text(UnixMicros time) {
    std::string text = format_time(time);
    const std::size_t dot = text.find('.');
    return dot == std::string::npos ? text : text.substr(0, dot) + "Z";
}

std::string model(const ModelEntry& model) {
    return R"({"type":"model","id":)" + json::quote(model.id) + R"(,"display_name":)" + json::quote(model.id) +
           R"(,"created_at":")" + created_text(model.created) + "\"}";
}

std::string models(std::string_view list, const std::vector<ModelEntry>& models) {
    return R"({"data":[)" + std::string(list) + R"(],"has_more":false,"first_id":)" +
           (models.empty() ? "null" : json::quote(models.front().id)) + R"(,"last_id":)" +
           (models.empty() ? "null" : json::quote(models.back().id)) + "}";
}

}  // namespace

constinit const EndpointRules endpoints{.match = match, .model = model, .models = models};

}  // namespace lurus::gateway::anthropic
