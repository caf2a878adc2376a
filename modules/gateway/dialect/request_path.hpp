#pragma once
// A request's line as the dialects look at it, and what they make of it.

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "modules/gateway/session/endpoint.hpp"

namespace lurus::gateway {

enum class HttpMethod : std::uint8_t { get, post, del, other };

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
};

/// Drops a prefix if it is there.
constexpr bool take(std::string_view& path, std::string_view prefix) {
    if (!path.starts_with(prefix)) return false;
    path.remove_prefix(prefix.size());
    return true;
}

Match found(const Endpoint& endpoint);
Match refused(Dialect dialect, MatchError error);

/// Empty = `path` is none of the listed ones.
std::optional<Match> match_post(HttpMethod method, std::string_view path, std::span<const PostPath> paths,
                                Dialect dialect);
/// The list of models, or one of them: what is answered from the catalogue, in any dialect's shape. `rest` is what
/// follows `models`. Empty = it is neither.
std::optional<Match> match_catalogue(HttpMethod method, std::string_view rest, Dialect dialect);

}  // namespace lurus::gateway
