#include "core/json/json_scan.hpp"
#include "modules/gateway/dialect/gemini/gemini.hpp"

namespace lurus::gateway::gemini {
namespace {

constexpr UpstreamAnswer plain{.dialect = Dialect::gemini};

struct Method {
    std::string_view name;
    Operation operation;
    UpstreamAnswer answer;
};

constexpr Method methods[] = {
    {"generateContent", Operation::generate, plain},
    {"streamGenerateContent", Operation::stream_generate, {.dialect = Dialect::gemini, .array_stream = true}},
    {"countTokens", Operation::gemini_count_tokens, {.dialect = Dialect::gemini, .metered = false}},
    {"embedContent", Operation::embed, plain},
    {"batchEmbedContents", Operation::batch_embed, plain},
    {"asyncBatchEmbedContent", Operation::gemini_other, plain},
    {"batchGenerateContent", Operation::gemini_other, plain},
    {"computeTokens", Operation::gemini_other, plain},
    {"generateAnswer", Operation::gemini_other, plain},
    {"predict", Operation::gemini_other, {.dialect = Dialect::gemini, .counts_images = true}},
    {"predictLongRunning", Operation::gemini_other, plain},
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
                  .streams = found_method->answer.array_stream});
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
    if (take(path, "/v1/")) {
        if (!take(path, "publishers/google/models")) return match_below(request, path, request.hinted);
        return at_segment_end(path) ? match_models(request.method, path, Dialect::gemini)
                                    : refused(Dialect::gemini, MatchError::unknown_path);
    }
    if (!path.starts_with("/v1beta")) return std::nullopt;
    if (take(path, "/v1beta/") || take(path, "/v1beta1/")) {
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
