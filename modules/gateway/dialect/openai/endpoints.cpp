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

// What else is below these: new ones come without a change here.
constexpr PostPath folders[] = {
    {"images/", Operation::images, "images", pictures},
    {"audio/", Operation::audio, "audio", sound},
};

// The value of one query parameter, still percent-encoded.
std::string_view query_value(std::string_view query, std::string_view name) {
    while (!query.empty()) {
        const std::size_t end = query.find('&');
        const std::string_view pair = query.substr(0, end);
        if (pair.size() > name.size() && pair.starts_with(name) && pair[name.size()] == '=')
            return pair.substr(name.size() + 1);
        if (end == std::string_view::npos) break;
        query.remove_prefix(end + 1);
    }
    return {};
}

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
    if (!take(path, "/v1/")) return std::nullopt;
    if (const auto known = match_post(request.method, path, posts, Dialect::openai)) return known;
    if (path == "realtime") return match_realtime(request);
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
