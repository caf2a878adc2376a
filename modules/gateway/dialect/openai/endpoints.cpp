#include "core/json/json_scan.hpp"
#include "modules/gateway/dialect/openai/openai.hpp"

namespace lurus::gateway::openai {
namespace {

constexpr UpstreamAnswer plain{.dialect = Dialect::openai};
constexpr UpstreamAnswer pictures{.dialect = Dialect::openai, .counts_images = true};
constexpr UpstreamAnswer sound{.dialect = Dialect::openai, .text = true};

constexpr PostPath posts[] = {
    // Its chunks are those of chat, with a text instead of a delta.
    {"completions", Operation::completions, "completions", {.dialect = Dialect::openai_chat}},
    {"embeddings", Operation::embeddings, "embeddings", plain},
    {"moderations", Operation::moderations, "moderations", plain},
    {"images/generations", Operation::images, "images.generations", pictures},
    {"images/edits", Operation::images, "images.edits", pictures},
    {"images/variations", Operation::images, "images.variations", pictures},
    {"audio/speech", Operation::audio, "audio.speech", sound},
    {"audio/transcriptions", Operation::audio, "audio.transcriptions", sound},
    {"audio/translations", Operation::audio, "audio.translations", sound},
};

constexpr PostPath rerank_post[] = {{"rerank", Operation::rerank, "rerank", plain}};

constexpr ResourceFolder resources[] = {
    {.path = "files", .name = "files", .files = true},  // the first two are also Google's
    {.path = "batches", .name = "batches", .unseen_models = true},
    {.path = "uploads", .name = "uploads", .made_below = true, .files = true},
    {.path = "vector_stores", .name = "vector_stores", .made_below = true, .files = true},
    {.path = "containers", .name = "containers", .made_below = true, .files = true},
    {.path = "conversations", .name = "conversations"},
    {.path = "videos", .name = "videos", .model_in_body = true, .made_below = true, .files = true},
    {.path = "fine_tuning/jobs", .name = "fine_tuning.jobs", .model_in_body = true},
    {.path = "evals", .name = "evals", .unseen_models = true, .made_below = true},
    {.path = "assistants", .name = "assistants", .model_in_body = true},
    {.path = "threads", .name = "threads", .unseen_models = true, .made_below = true},
    {.path = "skills", .name = "skills", .made_below = true, .files = true},
};

// What else is below these: new ones come without a change here.
constexpr PostPath folders[] = {
    {"images/", Operation::images, "images", pictures},
    {"audio/", Operation::audio, "audio", sound},
};

Match match_realtime(const RequestPath& request) {
    if (request.method != HttpMethod::get || !request.websocket)
        return refused(Dialect::openai, MatchError::wrong_method);
    return found({.operation = Operation::realtime,
                  .dialect = Dialect::openai,
                  // A session's events are those of the Responses API.
                  .answer = {.dialect = Dialect::openai_responses},
                  .name = "realtime",
                  .path_model = query_value(request.query, "model"),
                  .websocket = true});
}

std::optional<Match> match(const RequestPath& request) {
    std::string_view path = request.path;
    if (take(path, "/v2/")) return match_post(request.method, path, rerank_post, Dialect::openai);  // Cohere's
    if (!take(path, "/v1/")) return std::nullopt;
    if (const auto known = match_post(request.method, path, posts, Dialect::openai)) return known;
    if (path == "realtime") return match_realtime(request);
    if (const auto known = match_post(request.method, path, rerank_post, Dialect::openai)) return known;
    const bool google = request.hinted == Dialect::gemini;  // which has files and batches of its own
    if (const auto known =
            match_resource(request.method, path, std::span(resources).subspan(google ? 2 : 0), Dialect::openai))
        return known;
    for (const PostPath& folder : folders) {
        if (path.size() <= folder.path.size() || !path.starts_with(folder.path)) continue;
        PostPath one = folder;
        one.path = path;
        return match_post(request.method, path, std::span(&one, 1), Dialect::openai);
    }
    return std::nullopt;
}

}  // namespace

std::string model(const ModelEntry& model) {
    return R"({"id":)" + json::quote(model.id) + R"(,"object":"model","created":)" +
           std::to_string(model.created / 1'000'000) + R"(,"owned_by":)" + json::quote(model.owner) + "}";
}

std::string models(std::string_view list, const std::vector<ModelEntry>& /*models*/) {
    return R"({"object":"list","data":[)" + std::string(list) + "]}";
}

constinit const EndpointRules endpoints{.match = match, .model = model, .models = models};

}  // namespace lurus::gateway::openai
