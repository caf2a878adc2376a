#include "modules/gateway/session/endpoint.hpp"

#include <array>

#include "modules/gateway/attempt/alias.hpp"

namespace lurus::gateway {
namespace {

using enum Operation;

enum class Method : std::uint8_t { get, post, del, other };

Method method_of(std::string_view text) {
    if (text == "GET") return Method::get;
    if (text == "POST") return Method::post;
    if (text == "DELETE") return Method::del;
    return Method::other;
}

struct Fixed {
    std::string_view path;  // below /v1
    Operation operation;
    Dialect dialect;
    std::string_view name;
};

constexpr std::array fixed_posts{
    Fixed{"messages", messages, Dialect::anthropic, "messages"},
    Fixed{"messages/count_tokens", count_tokens, Dialect::anthropic, "messages.count_tokens"},
    Fixed{"chat/completions", chat, Dialect::openai_chat, "chat.completions"},
    Fixed{"completions", completions, Dialect::openai, "completions"},
    Fixed{"responses", responses, Dialect::openai_responses, "responses"},
    Fixed{"responses/compact", responses_compact, Dialect::openai_responses, "responses.compact"},
    Fixed{"responses/input_tokens", responses_input_tokens, Dialect::openai_responses, "responses.input_tokens"},
    Fixed{"embeddings", embeddings, Dialect::openai, "embeddings"},
    Fixed{"moderations", moderations, Dialect::openai, "moderations"},
    Fixed{"images/generations", images, Dialect::openai, "images.generations"},
    Fixed{"images/edits", images, Dialect::openai, "images.edits"},
    Fixed{"images/variations", images, Dialect::openai, "images.variations"},
    Fixed{"audio/speech", audio, Dialect::openai, "audio.speech"},
    Fixed{"audio/transcriptions", audio, Dialect::openai, "audio.transcriptions"},
    Fixed{"audio/translations", audio, Dialect::openai, "audio.translations"},
};

struct Verb {
    std::string_view verb;
    Operation operation;
    bool streams;
};

constexpr std::array verbs{
    Verb{"generateContent", generate, false},          Verb{"streamGenerateContent", stream_generate, true},
    Verb{"countTokens", gemini_count_tokens, false},   Verb{"embedContent", embed, false},
    Verb{"batchEmbedContents", batch_embed, false},    Verb{"asyncBatchEmbedContent", gemini_other, false},
    Verb{"batchGenerateContent", gemini_other, false}, Verb{"computeTokens", gemini_other, false},
    Verb{"generateAnswer", gemini_other, false},       Verb{"predict", gemini_other, false},
    Verb{"predictLongRunning", gemini_other, false},   Verb{"fetchPredictOperation", gemini_other, false},
};

bool take(std::string_view& path, std::string_view prefix) {
    if (!path.starts_with(prefix)) return false;
    path.remove_prefix(prefix.size());
    return true;
}

// Where a colon (or `%3A`) separates the model from the verb: the last one.
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

Match found(Endpoint endpoint) {
    Match match;
    match.endpoint = endpoint;
    match.family = family_of(endpoint.dialect);
    return match;
}

Match refused(Family family, MatchError error) {
    Match match;
    match.error = error;
    match.family = family;
    return match;
}

Match model_verb(Method method, std::string_view rest, Family listing) {
    if (rest.empty()) return refused(listing, MatchError::unknown_path);
    if (method == Method::get) {
        return found({.operation = model_get,
                      .dialect = listing == Family::anthropic ? Dialect::anthropic
                                 : listing == Family::gemini  ? Dialect::gemini
                                                              : Dialect::openai,
                      .name = "models.get",
                      .path_model = rest});
    }
    const Colon colon = last_colon(rest);
    if (colon.at == std::string_view::npos) return refused(listing, MatchError::wrong_method);
    const std::string_view model = rest.substr(0, colon.at);
    const std::string_view verb = rest.substr(colon.at + colon.length);
    if (model.empty() || verb.empty() || verb.find('/') != std::string_view::npos)
        return refused(Family::gemini, MatchError::unknown_path);
    if (method != Method::post) return refused(Family::gemini, MatchError::wrong_method);
    for (const Verb& known : verbs) {
        if (known.verb != verb) continue;
        return found({.operation = known.operation,
                      .dialect = Dialect::gemini,
                      .name = known.verb,
                      .path_model = model,
                      .streams = known.streams});
    }
    return found({.operation = gemini_other, .dialect = Dialect::gemini, .name = "gemini.other", .path_model = model});
}

Match models(Method method, std::string_view rest, Family listing) {
    if (rest.empty()) {
        if (method != Method::get) return refused(listing, MatchError::wrong_method);
        return found({.operation = models_list,
                      .dialect = listing == Family::anthropic ? Dialect::anthropic
                                 : listing == Family::gemini  ? Dialect::gemini
                                                              : Dialect::openai,
                      .name = "models.list"});
    }
    return model_verb(method, rest.substr(1), listing);
}

Match response_resource(Method method, std::string_view rest) {
    const Endpoint resource{
        .operation = responses_resource, .dialect = Dialect::openai_responses, .name = "responses.resource"};
    const std::size_t slash = rest.find('/');
    if (slash == std::string_view::npos) {
        return method == Method::get || method == Method::del ? found(resource)
                                                              : refused(Family::openai, MatchError::wrong_method);
    }
    const std::string_view part = rest.substr(slash + 1);
    if (slash == 0) return refused(Family::openai, MatchError::unknown_path);
    if (part == "input_items")
        return method == Method::get ? found(resource) : refused(Family::openai, MatchError::wrong_method);
    if (part == "cancel")
        return method == Method::post ? found(resource) : refused(Family::openai, MatchError::wrong_method);
    return refused(Family::openai, MatchError::unknown_path);
}

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

Match below_v1(Method method, std::string_view path, std::string_view query, Family hinted, bool websocket) {
    for (const Fixed& entry : fixed_posts) {
        if (entry.path != path) continue;
        if (method == Method::post) {
            return found(
                {.operation = entry.operation, .dialect = entry.dialect, .name = entry.name, .model_in_body = true});
        }
        if (method == Method::get && websocket && entry.operation == responses) {
            return found({.operation = responses, .dialect = entry.dialect, .name = entry.name, .websocket = true});
        }
        // `/v1/responses/compact` and `/v1/responses/input_tokens` are also where a response of that id would be: it
        // cannot exist.
        return refused(family_of(entry.dialect), MatchError::wrong_method);
    }
    if (path == "realtime") {
        if (method != Method::get || !websocket) return refused(Family::openai, MatchError::wrong_method);
        return found({.operation = realtime,
                      .dialect = Dialect::openai,
                      .name = "realtime",
                      .path_model = query_value(query, "model"),
                      .websocket = true});
    }
    if (path == "models" || path.starts_with("models/")) return models(method, path.substr(6), hinted);
    std::string_view rest = path;
    if (take(rest, "tunedModels/")) return model_verb(method, rest, Family::gemini);
    if (take(rest, "publishers/google/models"))
        return rest.empty() || rest.front() == '/' ? models(method, rest, Family::gemini)
                                                   : refused(Family::gemini, MatchError::unknown_path);
    if (take(rest, "responses/")) return response_resource(method, rest);
    for (const auto& [prefix, operation] :
         {std::pair{std::string_view("images/"), images}, std::pair{std::string_view("audio/"), audio}}) {
        rest = path;
        if (!take(rest, prefix) || rest.empty()) continue;
        if (method != Method::post) return refused(Family::openai, MatchError::wrong_method);
        return found({.operation = operation,
                      .dialect = Dialect::openai,
                      .name = operation == images ? "images" : "audio",
                      .model_in_body = true});
    }
    if (path.starts_with("messages/")) return refused(Family::anthropic, MatchError::unknown_path);
    return refused(hinted, MatchError::unknown_path);
}

Match below_v1beta(Method method, std::string_view path) {
    std::string_view rest = path;
    take(rest, "publishers/google/");
    if (take(rest, "tunedModels/")) return model_verb(method, rest, Family::gemini);
    if (take(rest, "models") && (rest.empty() || rest.front() == '/')) return models(method, rest, Family::gemini);
    return refused(Family::gemini, MatchError::unknown_path);
}

}  // namespace

Match match_endpoint(std::string_view method_name, std::string_view target, const DialectHints& hints, bool websocket) {
    const Family hinted = hints.anthropic_version ? Family::anthropic
                          : hints.google_key      ? Family::gemini
                                                  : Family::openai;
    target = without_alias(target);
    const std::size_t mark = target.find('?');
    std::string_view path = target.substr(0, mark);
    const std::string_view query = mark == std::string_view::npos ? std::string_view{} : target.substr(mark + 1);
    while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
    const Method method = method_of(method_name);

    if (take(path, "/v1/")) return below_v1(method, path, query, hinted, websocket);
    if (take(path, "/v1beta/") || take(path, "/v1beta1/")) return below_v1beta(method, path);
    if (path == "/responses" || path.starts_with("/responses/"))
        return below_v1(method, path.substr(1), query, hinted, websocket);
    return refused(path.starts_with("/v1beta") ? Family::gemini : hinted, MatchError::unknown_path);
}

}  // namespace lurus::gateway
