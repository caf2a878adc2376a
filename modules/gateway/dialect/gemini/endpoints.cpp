#include <algorithm>

#include "core/json/json_scan.hpp"
#include "modules/gateway/dialect/gemini/gemini.hpp"

namespace lurus::gateway::gemini {
namespace {

constexpr UpstreamAnswer plain{.dialect = Dialect::gemini};

struct Method {
    std::string_view name;
    Operation operation;
    UpstreamAnswer answer;
    bool mints = false;  // see Endpoint
};

constexpr Method methods[] = {
    {"generateContent", Operation::generate, plain},
    {"streamGenerateContent", Operation::stream_generate, {.dialect = Dialect::gemini, .array_stream = true}},
    {"countTokens", Operation::gemini_count_tokens, {.dialect = Dialect::gemini, .metered = false}},
    {"embedContent", Operation::embed, plain},
    {"batchEmbedContents", Operation::batch_embed, plain},
    {"asyncBatchEmbedContent", Operation::gemini_other, plain, true},
    {"batchGenerateContent", Operation::gemini_other, plain, true},
    {"computeTokens", Operation::gemini_other, plain},
    {"generateAnswer", Operation::gemini_other, plain},
    {"predict", Operation::gemini_other, {.dialect = Dialect::gemini, .counts_images = true}},
    {"predictLongRunning", Operation::gemini_other, plain, true},
    {"fetchPredictOperation", Operation::gemini_other, plain},
};
constexpr Method other_method{"gemini.other", Operation::gemini_other, plain};

// Where a colon (or `%3A`) separates the model from the method: the last one.
struct Colon {
    std::size_t at = std::string_view::npos;
    std::size_t length = 0;
};

Colon last_colon(std::string_view text) {
    for (std::size_t i = text.size(); i-- > 0;) {
        if (text[i] == ':') return {i, 1};
        if (text[i] == '%' && i + 2 < text.size() && text[i + 1] == '3' && (text[i + 2] == 'A' || text[i + 2] == 'a'))
            return {i, 3};
    }
    return {};
}

// `rest` is what follows `models`; the catalogue is shown in the dialect `listing`.
Match match_models(HttpMethod method, std::string_view rest, Dialect listing) {
    if (const auto known = match_catalogue(method, rest, listing)) return *known;
    rest.remove_prefix(1);
    const Colon colon = last_colon(rest);
    if (colon.at == std::string_view::npos) return refused(listing, MatchError::wrong_method);
    const std::string_view model = rest.substr(0, colon.at);
    const std::string_view name = rest.substr(colon.at + colon.length);
    if (model.empty() || name.empty() || name.find('/') != std::string_view::npos)
        return refused(Dialect::gemini, MatchError::unknown_path);
    if (method != HttpMethod::post) return refused(Dialect::gemini, MatchError::wrong_method);
    const Method* found_method = &other_method;
    for (const Method& known : methods) {
        if (known.name == name) found_method = &known;
    }
    return found({.operation = found_method->operation,
                  .dialect = Dialect::gemini,
                  .answer = found_method->answer,
                  .name = found_method->name,
                  .path_model = model,
                  .mints = found_method->mints,
                  .streams = found_method->answer.array_stream});
}

// What the vendor keeps is named by its folder and what follows: `files/x`.
struct Folder {
    std::string_view path;
    std::string_view name;
    bool model_in_body = false;
    bool unseen_models = false;
    bool shared = false;  // OpenAI has it, too: below /v1 it is for whoever shows to be a client of Google's
};

constexpr Folder folders[] = {
    {.path = "files", .name = "files", .shared = true},
    {.path = "batches", .name = "batches", .shared = true},
    {.path = "cachedContents", .name = "cachedContents", .model_in_body = true},
    {.path = "operations", .name = "operations"},
    {.path = "fileSearchStores", .name = "fileSearchStores"},
    {.path = "tunedModels", .name = "tunedModels", .unseen_models = true},
};

// `id` as in the target.
Match kept(HttpMethod method, std::string_view name, std::string_view id) {
    if (method == HttpMethod::other) return refused(Dialect::gemini, MatchError::wrong_method);
    return found({.operation = Operation::resource,
                  .dialect = Dialect::gemini,
                  .answer = {.dialect = Dialect::gemini, .metered = false, .text = true},
                  .name = name,
                  .resource = id,
                  .mints = method == HttpMethod::post});
}

// `files/x` of `files/x:download` and of `files/x/more`.
std::string_view kept_name(std::string_view path, std::string_view folder) {
    if (path.size() <= folder.size() || path[folder.size()] != '/') return {};
    const std::size_t end = path.find_first_of("/:", folder.size() + 1);
    return path.substr(0, end);
}

// `path` is what follows the version. Empty = it is in none of the folders.
std::optional<Match> match_kept(const RequestPath& request, std::string_view path, bool with_shared) {
    for (const Folder& folder : folders) {
        if (folder.shared && !with_shared) continue;
        std::string_view rest = path;
        if (!take(rest, folder.path) || (!rest.empty() && rest.front() != '/' && rest.front() != ':')) continue;
        // `tunedModels/x:generateContent` asks a model.
        if (folder.path == "tunedModels" && request.method == HttpMethod::post && rest.contains(':'))
            return std::nullopt;
        Match match = kept(request.method, folder.name, kept_name(path, folder.path));
        if (match.endpoint && rest.empty() && request.method == HttpMethod::post) {
            match.endpoint->model_in_body = folder.model_in_body;
            match.endpoint->unseen_models = folder.unseen_models;
        }
        return match;
    }
    // A long-running operation of a model, not the model.
    const std::size_t operation = path.find("/operations/");
    if (path.starts_with("models/") && operation != std::string_view::npos)
        return kept(request.method, "operations", path.substr(0, path.find(':', operation)));
    return std::nullopt;
}

// Where the bytes of files go and come from. `path` without its first slash.
std::optional<Match> match_bytes(const RequestPath& request, std::string_view path) {
    const bool up = take(path, "upload/");
    if (!up && !take(path, "download/")) return std::nullopt;
    for (const std::string_view version : {"v1beta/", "v1beta1/", "v1alpha/", "v1/"}) {
        if (!take(path, version)) continue;
        const bool stores = path.starts_with("fileSearchStores/");
        if (!stores && path != "files" && !path.starts_with("files/")) break;
        const std::string_view folder = stores ? "fileSearchStores" : "files";
        // A later piece of an upload names the upload only.
        const std::string_view upload = query_value(request.query, "upload_id");
        Match match = kept(request.method, up ? "files.upload" : "files.download",
                           upload.empty() ? kept_name(path, folder) : upload);
        if (match.endpoint) match.endpoint->mints = up;
        if (match.endpoint && up && request.method == HttpMethod::post) match.endpoint->passes = Passes::all;
        return match;
    }
    return refused(Dialect::gemini, MatchError::unknown_path);
}

// The Live API: a session whose first message names its model.
std::optional<Match> match_live(const RequestPath& request) {
    std::string_view path = request.path;
    if (!take(path, "/ws/google.ai.generativelanguage.")) return std::nullopt;
    if (!take(path, "v1beta.") && !take(path, "v1alpha.") && !take(path, "v1.")) return std::nullopt;
    if (path != "GenerativeService.BidiGenerateContent") return std::nullopt;
    if (request.method != HttpMethod::get || !request.websocket)
        return refused(Dialect::gemini, MatchError::wrong_method);
    return found({.operation = Operation::gemini_live,
                  .dialect = Dialect::gemini,
                  .answer = plain,
                  .name = "bidiGenerateContent",
                  .websocket = true});
}

bool at_segment_end(std::string_view rest) {
    return rest.empty() || rest.front() == '/';
}

// Of `path` below the version. Empty = it is none of Google's.
std::optional<Match> match_below(const RequestPath& request, std::string_view path, Dialect listing) {
    std::string_view tuned = path;
    if (take(tuned, "tunedModels") && tuned.starts_with('/'))
        return match_models(request.method, tuned, Dialect::gemini);
    if (take(path, "models") && at_segment_end(path)) return match_models(request.method, path, listing);
    return std::nullopt;
}

std::optional<Match> match(const RequestPath& request) {
    std::string_view path = request.path;
    if (const auto known = match_bytes(request, path.substr(std::min<std::size_t>(1, path.size())))) return known;
    if (const auto live = match_live(request)) return live;
    if (take(path, "/v1/")) {
        if (const auto known = match_kept(request, path, request.hinted == Dialect::gemini)) return known;
        if (!take(path, "publishers/google/models")) return match_below(request, path, request.hinted);
        return at_segment_end(path) ? match_models(request.method, path, Dialect::gemini)
                                    : refused(Dialect::gemini, MatchError::unknown_path);
    }
    if (!path.starts_with("/v1beta") && !path.starts_with("/v1alpha")) return std::nullopt;
    if (take(path, "/v1beta/") || take(path, "/v1beta1/") || take(path, "/v1alpha/")) {
        if (const auto known = match_kept(request, path, true)) return known;
        take(path, "publishers/google/");
        if (const auto known = match_below(request, path, Dialect::gemini)) return known;
    }
    return refused(Dialect::gemini, MatchError::unknown_path);
}

std::string model(const ModelEntry& model) {
    return R"({"name":)" + json::quote("models/" + model.id) + R"(,"baseModelId":)" + json::quote(model.id) +
           R"(,"displayName":)" + json::quote(model.id) +
           R"(,"supportedGenerationMethods":["generateContent","streamGenerateContent","countTokens","embedContent"]})";
}

std::string models(std::string_view list, const std::vector<ModelEntry>& /*models*/) {
    return R"({"models":[)" + std::string(list) + "]}";
}

}  // namespace

constinit const EndpointRules endpoints{.match = match, .model = model, .models = models};

}  // namespace lurus::gateway::gemini
