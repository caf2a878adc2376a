#include "modules/gateway/dialect/request_path.hpp"

namespace lurus::gateway {

Match found(const Endpoint& endpoint) {
    Match match;
    match.endpoint = endpoint;
    match.family = family_of(endpoint.dialect);
    return match;
}

Match refused(Dialect dialect, MatchError error) {
    Match match;
    match.error = error;
    match.family = family_of(dialect);
    return match;
}

std::optional<Match> match_post(HttpMethod method, std::string_view path, std::span<const PostPath> paths,
                                Dialect dialect) {
    for (const PostPath& known : paths) {
        if (known.path != path) continue;
        if (method != HttpMethod::post) return refused(dialect, MatchError::wrong_method);
        return found({.operation = known.operation,
                      .dialect = dialect,
                      .answer = known.answer,
                      .name = known.name,
                      .model_in_body = true});
    }
    return std::nullopt;
}

std::optional<Match> match_catalogue(HttpMethod method, std::string_view rest, Dialect dialect) {
    const UpstreamAnswer answer{.dialect = dialect, .metered = false};
    if (rest.empty()) {
        if (method != HttpMethod::get) return refused(dialect, MatchError::wrong_method);
        return found(
            {.operation = Operation::models_list, .dialect = dialect, .answer = answer, .name = "models.list"});
    }
    const std::string_view model = rest.substr(1);
    if (model.empty()) return refused(dialect, MatchError::unknown_path);
    if (method != HttpMethod::get) return std::nullopt;
    return found({.operation = Operation::model_get,
                  .dialect = dialect,
                  .answer = answer,
                  .name = "models.get",
                  .path_model = model});
}

}  // namespace lurus::gateway
