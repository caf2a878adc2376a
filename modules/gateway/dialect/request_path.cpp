#include "modules/gateway/dialect/request_path.hpp"

namespace lurus::gateway {

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
                      .mints = known.mints,
                      .model_in_body = true});
    }
    return std::nullopt;
}

std::optional<Match> match_resource(HttpMethod method, std::string_view path, std::span<const ResourceFolder> folders,
                                    Dialect dialect) {
    for (const ResourceFolder& folder : folders) {
        std::string_view rest = path;
        if (!take(rest, folder.path) || (!rest.empty() && rest.front() != '/')) continue;
        const bool whole = rest.empty();  // the folder itself
        if (!whole) rest.remove_prefix(1);
        if (!whole && rest.empty()) return refused(dialect, MatchError::unknown_path);
        const bool post = method == HttpMethod::post;
        if (method != HttpMethod::get && !post && (whole || method != HttpMethod::del))
            return refused(dialect, MatchError::wrong_method);
        const std::string_view id = rest.substr(0, rest.find('/'));
        return found(
            {.operation = Operation::resource,
             .dialect = dialect,
             .answer = {.dialect = dialect, .metered = false, .text = true},
             .name = folder.name,
             .resource = id,
             .mints = post && (whole || folder.made_below),
             .unseen_models = post && folder.unseen_models && (whole || folder.made_below),
             .model_in_body = post && whole && folder.model_in_body,
             .passes = post && folder.files && !(whole && folder.model_in_body) ? Passes::forms : Passes::none});
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
