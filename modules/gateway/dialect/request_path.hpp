#pragma once
// A request's line as the dialects look at it, and what they make of it.

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "modules/gateway/session/endpoint.hpp"

namespace lurus::gateway {

enum class HttpMethod : std::uint8_t { get, post, del, patch, other };

struct RequestPath {
    HttpMethod method = HttpMethod::other;
    std::string_view path;  // from its first slash, without a last one
    std::string_view query;
    bool websocket = false;
    Dialect hinted = Dialect::openai;  // by the headers, for paths that several dialects share
};

/// A path that is posted to, with the model in the body.
struct PostPath {
    std::string_view path;  // below /v1/
    Operation operation;
    std::string_view name;
    UpstreamAnswer answer;
    bool mints = false;  // see Endpoint
};

/// A folder of things that the vendor keeps: listed, made by a POST, looked at, changed and deleted by their id.
struct ResourceFolder {
    std::string_view path;  // below the version
    std::string_view name;
    bool model_in_body = false;  // of the POST that makes one
    bool unseen_models = false;  // see Endpoint
    bool made_below = false;     // a POST below one makes things, too
    bool files = false;          // what is posted may be a file
};

/// Drops a prefix if it is there.
constexpr bool take(std::string_view& path, std::string_view prefix) {
    if (!path.starts_with(prefix)) return false;
    path.remove_prefix(prefix.size());
    return true;
}

/// The value of one query parameter, still percent-encoded; empty = it is not there.
std::string_view query_value(std::string_view query, std::string_view name);

Match found(const Endpoint& endpoint);
Match refused(Dialect dialect, MatchError error);

/// Empty = `path` is none of the listed ones.
std::optional<Match> match_post(HttpMethod method, std::string_view path, std::span<const PostPath> paths,
                                Dialect dialect);
/// `path` is what follows the version. Empty = it is in none of these folders.
std::optional<Match> match_resource(HttpMethod method, std::string_view path, std::span<const ResourceFolder> folders,
                                    Dialect dialect);
/// The list of models, or one of them: what is answered from the catalogue, in any dialect's shape. `rest` is what
/// follows `models`. Empty = it is neither.
std::optional<Match> match_catalogue(HttpMethod method, std::string_view rest, Dialect dialect);

}  // namespace lurus::gateway
