#pragma once
// The management API's plumbing: each module hands its routes to the app, which dispatches and documents them.
// The command line calls the same handlers in-process when no server runs.

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lurus {

struct ApiRequest {
    std::string method;
    std::string path;                           // decoded, no query
    std::map<std::string, std::string> params;  // from the path's {names}
    std::map<std::string, std::string> query;   // decoded; the last of a repeated name wins
    std::string body;                           // JSON, or empty
    std::string actor;                          // who asks, for the audit: `admin` for the admin token
};

struct ApiResponse {
    int status = 200;
    std::string body;  // JSON
    std::string content_type = "application/json";
    std::vector<std::pair<std::string, std::string>> headers;  // beside content-type; the server sends them as they are
};

struct ApiParam {
    std::string name;
    std::string schema;  // JSON Schema text, such as {"type":"integer"}
    std::string description;
};

struct ApiRoute {
    std::string method;        // GET, POST, PUT, PATCH, DELETE
    std::string path;          // `/api/v1/keys/{id}`
    std::string operation_id;  // lowerCamelCase, unique
    std::string summary;
    std::vector<ApiParam> query;
    std::string request_schema;   // JSON Schema text; empty = no body
    std::string response_schema;  // JSON Schema text of the 2xx body; empty = none
    int success = 200;
    /// Control-plane threads, several at once. Expected failure is a response, not an exception.
    std::function<ApiResponse(const ApiRequest&)> handler;
};

}  // namespace lurus
