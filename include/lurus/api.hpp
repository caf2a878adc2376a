#pragma once
// The management API's plumbing: each module hands its routes to the app, which dispatches and documents them.
// The command line calls the same handlers in-process when no server runs.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lurus/principal.hpp"
#include "lurus/result.hpp"

namespace lurus {

struct ApiRequest {
    std::string method;
    std::string path;                           // decoded, no query
    std::map<std::string, std::string> params;  // from the path's {names}
    std::map<std::string, std::string> query;   // decoded; the last of a repeated name wins
    std::string body;                           // JSON, or empty
    /// Lower-case names; only `api_headers` are passed on.
    std::map<std::string, std::string> headers;
    std::string remote_address;  // without the port; empty = this process itself
    Principal principal;         // set by the dispatcher, which has checked the route's permission
    /// The row's version that `If-Match` names, where the route's answers carry one: a change is to be made only while
    /// that is the version there is, and is 412 otherwise. Set by the step that judged `If-Match`.
    std::optional<std::int64_t> if_version;

    [[nodiscard]] std::string_view header(const std::string& name) const {
        const auto found = headers.find(name);
        return found == headers.end() ? std::string_view() : std::string_view(found->second);
    }
};

/// What the gateway passes on of a request's head, beside `authorization`.
inline constexpr std::string_view api_headers[] = {"cookie",          "host",       "if-match",     "if-none-match",
                                                   "idempotency-key", "user-agent", "content-type", "origin",
                                                   "sec-fetch-site",  "accept"};

struct ApiResponse {
    int status = 200;
    std::string body;  // JSON
    std::string content_type = "application/json";
    std::vector<std::pair<std::string, std::string>> headers;  // beside content-type; the server sends them as they are
    /// Of the row that is shown: its ETag. Without one the ETag is made from the body.
    std::optional<std::int64_t> version;
};

struct ApiParam {
    std::string name;
    std::string schema;  // JSON Schema text, such as {"type":"integer"}
    std::string description;
};

struct ApiRoute {
    /// No route without a rule: there is no default.
    explicit ApiRoute(Permission needed) : permission(needed) {}

    Permission permission;
    std::string method;        // GET, POST, PUT, PATCH, DELETE
    std::string path;          // `/api/v1/keys/{id}`
    std::string operation_id;  // lowerCamelCase, unique
    std::string summary;
    std::vector<ApiParam> query;
    std::string request_schema;   // JSON Schema text; empty = no body
    std::string response_schema;  // JSON Schema text of the 2xx body; empty = none
    int success = 200;
    bool calls_outside = false;  // the handler may wait for machines that are not ours: OutsideCalls' threads run it
    /// Control-plane threads, several at once. Expected failure is a response, not an exception.
    std::function<ApiResponse(const ApiRequest&)> handler;

    /// Answers without a sign-in; `security: []` in the OpenAPI document.
    [[nodiscard]] bool is_public() const { return permission == Permission::anyone; }
};

/// Who presents this bearer token (empty = none) or this request's cookies: a principal with `kind`, `user` or
/// `member`, `by_cookie`, `scope` and `credential`; the dispatcher adds what they are in their organisation. Anonymous
/// when nothing was presented; `unauthenticated` when it is wrong, over or revoked; `unavailable` when it cannot be
/// told now, which is 503 and never 401. Any control-plane thread; the admin token is not asked about.
using PrincipalSource = std::function<Result<Principal>(const ApiRequest& request, std::string_view bearer)>;

}  // namespace lurus
