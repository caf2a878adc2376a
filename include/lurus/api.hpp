#pragma once
// The management API's plumbing: each module hands its routes to the app, which dispatches and documents them.
// The command line calls the same handlers in-process when no server runs.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lurus/outside.hpp"
#include "lurus/principal.hpp"
#include "lurus/result.hpp"

namespace lurus {

struct RequestContext;  // lurus/request_context.hpp

/// Where the management API begins.
inline constexpr std::string_view api_root = "/api/v1/";

struct ApiRequest {
    std::string method;
    std::string path;                           // decoded, no query
    std::map<std::string, std::string> params;  // from the path's {names}
    std::map<std::string, std::string> query;   // decoded; the last of a repeated name wins
    std::string body;                           // JSON, or empty
    /// Lower-case names; only `api_headers` are passed on.
    std::map<std::string, std::string> headers;
    std::string remote_address;  // without the port; empty = this process itself
    bool tls = false;            // it came over TLS that ends here
    Principal principal;         // set by the dispatcher, which has checked the route's permission
    /// The row's version that `If-Match` names, where the route's answers carry one: a change is to be made only while
    /// that is the version there is, and is 412 otherwise. Set by the step that judged `If-Match`.
    std::optional<std::int64_t> if_version;
    /// Carried to whatever answers the request, and told what it did; null outside of a change. Work that goes on
    /// after the answer takes a context of its own.
    std::shared_ptr<RequestContext> context;

    [[nodiscard]] std::string_view header(const std::string& name) const {
        const auto found = headers.find(name);
        return found == headers.end() ? std::string_view() : std::string_view(found->second);
    }
};

/// What the gateway passes on of a request's head, beside `authorization`.
inline constexpr std::string_view api_headers[] = {"cookie",          "host",       "if-match",     "if-none-match",
                                                   "idempotency-key", "user-agent", "content-type", "origin",
                                                   "sec-fetch-site",  "accept",     "last-event-id"};

/// A part of a body that is made while it is sent. No bytes and no pause: the body is whole.
struct ApiPiece {
    std::string bytes;
    int pause_ms = 0;  // there is nothing more right now: ask again after so long

    explicit ApiPiece(std::string b = {}, int pause = 0) : bytes(std::move(b)), pause_ms(pause) {}
};

/// Makes a body that is never held whole. Called on control-plane threads, one at a time, again only when the client
/// took what came before; never after the end or an error, which breaks the answer off. Must not wait by itself. When
/// the client leaves or the server stops it is destroyed, on such a thread.
using ApiStream = std::function<Result<ApiPiece>()>;

struct ApiResponse {
    int status = 200;
    std::string body;  // JSON
    std::string content_type = "application/json";
    std::vector<std::pair<std::string, std::string>> headers;  // beside content-type; the server sends them as they are
    ApiStream stream;                                          // set: the body, and `body` is empty
    /// Of the row that is shown: its ETag. None, or 0 = a row that is not there yet: the ETag is made from the body.
    std::optional<std::int64_t> version;
};

struct ApiParam {
    std::string name;
    std::string schema;  // JSON Schema text, such as {"type":"integer"}
    std::string description;
};

/// What the audit keeps of a change through a route.
struct ApiAuditing {
    bool answer = true;              // the answer to a change; false: it holds credentials
    std::vector<std::string> plain;  // members that hold no secret although they are called like one
};

/// The resource that a GET of a path such as `/api/v1/keys/{id}` shows, and that others of the same path change.
struct ApiResource {
    std::string kind;                              // `Key`; empty: it has no versions. In the ids of their operations
    std::vector<std::string> names{"id", "name"};  // members it may be called by in the path
    std::string envelope;                          // the member that holds it; empty: the answer is the resource
    std::vector<std::string> unversioned;          // members that change without anybody changing it
};

/// What a route has to do with a person's export of all that is kept of them.
struct ApiExport {
    bool person = false;               // answers `user` and `memberships`, to which the parts are added
    std::string part;                  // the member that `data` of its answer to that person becomes
    std::vector<std::string> without;  // members of each of `data` that mean nothing there
};

/// How a list can be followed: a route of its own then sends what comes after the newest as server-sent events.
struct ApiFollowing {
    std::string operation;  // `followLogs`; empty = it cannot
    std::string after;      // the parameter that takes a number and asks for the entries after it, oldest first
    std::string number;     // the member of an entry that is this number
};

struct ApiRoute {
    /// No route without a rule: there is no default.
    explicit ApiRoute(Permission needed) : permission(needed) {}

    Permission permission;
    std::string method;        // GET, POST, PUT, PATCH, DELETE
    std::string path;          // `/api/v1/keys/{id}`
    std::string operation_id;  // lowerCamelCase, unique
    std::string summary;
    std::vector<ApiParam> query;  // others are refused; `org` is any route's that takes a sign-in
    bool foreign_query = false;   // others than our clients write it: what is not in `query` is passed over
    std::string request_schema;   // JSON Schema text; empty = no body
    std::string response_schema;  // JSON Schema text of the 2xx body; empty = none
    int success = 200;
    std::size_t max_body_bytes = 1 << 20;  // larger ones are 413; of a public route at most 64 KiB
    bool calls_outside = false;  // the handler may wait for machines that are not ours: OutsideCalls' threads run it
    /// Of a route that calls outside: whom this request would wait for; nothing = nobody, so that it waits for none of
    /// those. Null = vendors. Control-plane threads; may block on the database.
    std::function<std::optional<OutsideLane>(const ApiRequest&)> outside_lane;
    std::string content_type = "application/json";  // of the 2xx body
    std::string tag;                                // groups operations; empty = the path's first word
    /// The change is this node's alone, and must be possible while the database is away that the nodes share: the
    /// answer is not kept for its Idempotency-Key. Only for what may be done twice.
    bool own_node = false;
    ApiAuditing audit;
    ApiResource resource;
    ApiExport person_export;
    ApiFollowing following;
    std::string page_title;  // set: browsers are sent here, and one that takes HTML gets a refusal as a page called so
    /// Control-plane threads, several at once. Expected failure is a response, not an exception.
    std::function<ApiResponse(const ApiRequest&)> handler;

    /// Answers without a sign-in; `security: []` in the OpenAPI document.
    [[nodiscard]] bool is_public() const { return permission == Permission::anyone; }
    /// Whether it may store something: what takes a permission to read does not, whatever its method.
    [[nodiscard]] bool changes() const { return method != "GET" && !is_reading(permission); }
};

/// Who presents this bearer token (empty = none) or this request's cookies: a principal with `kind`, `user` or
/// `member`, `by_cookie`, `scope` and `credential`; the dispatcher adds what they are in their organisation. Anonymous
/// when nothing was presented; `unauthenticated` when it is wrong, over or revoked; `unavailable` when it cannot be
/// told now, which is 503 and never 401. Any control-plane thread; the admin token is not asked about.
using PrincipalSource = std::function<Result<Principal>(const ApiRequest& request, std::string_view bearer)>;

}  // namespace lurus
