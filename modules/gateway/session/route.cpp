#include "core/text/ascii.hpp"
#include "modules/gateway/dialect/served_target.hpp"
#include "modules/gateway/session/steps.hpp"

namespace lurus::gateway {

std::string_view path_of(std::string_view target) {
    return target.substr(0, target.find('?'));
}

bool asks_for_websocket(const http1::RequestHead& head) {
    return head.method != "HEAD" && iequals(head.upgrade, "websocket");
}

namespace {

// One pass over the fields, and most of their names have another length.
DialectHints hints_of(const http1::RequestHead& head) {
    DialectHints hints;
    for (const http1::Field& field : head.fields) {
        switch (field.name.size()) {
            case 9: hints.anthropic_version = hints.anthropic_version || iequals(field.name, "x-api-key"); break;
            case 14: hints.google_key = hints.google_key || iequals(field.name, "x-goog-api-key"); break;
            case 17:
                hints.anthropic_version = hints.anthropic_version || iequals(field.name, "anthropic-version");
                break;
            default: break;
        }
    }
    if (head.target.contains('=') && (head.target.contains("?key=") || head.target.contains("&key=")))
        hints.google_key = true;
    return hints;
}

}  // namespace

std::optional<MatchError> route(Request& request) {
    const http1::RequestHead& head = request.head;
    DialectHints hints = hints_of(head);
    const ServedTarget served = served_target(head.target, request.served);
    hints.path = served.dialect;
    // What can be read can be asked for without its body.
    const std::string_view method = request.head_only ? "GET" : head.method;
    const Match match = match_endpoint(method, served.target, hints, asks_for_websocket(head));
    request.family = match.family;
    request.path_class = match.error == MatchError::wrong_method ? name_of(match.family) : "unknown";
    if (served.refused != nullptr) return MatchError::unsafe_path;
    if (!match.endpoint) return match.error;
    request.endpoint = *match.endpoint;
    if (!request.served.empty()) request.endpoint.target = served.target;
    request.endpoint.deployment = served.deployment;
    request.path_class = request.endpoint.name;
    return std::nullopt;
}

EarlyRefusal bad_path(const Request& request, MatchError error) {
    const http1::RequestHead& head = request.head;
    if (error == MatchError::unsafe_path) return EarlyRefusal(400, "unsafe_path", unsafe_path(path_of(head.target)));
    if (error == MatchError::wrong_method)
        return EarlyRefusal(405, "wrong_method", "this path does not take " + cut_field(head.method));
    return EarlyRefusal(404, "unknown_path",
                        "no endpoint at " + cut_field(path_of(head.target)) + "; see the README for what is served");
}

}  // namespace lurus::gateway
