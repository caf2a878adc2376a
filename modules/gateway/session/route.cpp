#include "core/text/ascii.hpp"
#include "modules/gateway/dialect/served_target.hpp"
#include "modules/gateway/session/steps.hpp"

namespace lurus::gateway {

namespace asio = boost::asio;

std::string_view path_of(std::string_view target) {
    return target.substr(0, target.find('?'));
}

bool asks_for_websocket(const http1::RequestHead& head) {
    return iequals(head.upgrade, "websocket");
}

std::optional<MatchError> route(Request& request) {
    const http1::RequestHead& head = request.head;
    DialectHints hints;
    hints.anthropic_version = head.find("anthropic-version") != nullptr || head.find("x-api-key") != nullptr;
    hints.google_key = head.find("x-goog-api-key") != nullptr || head.target.find("?key=") != std::string_view::npos ||
                       head.target.find("&key=") != std::string_view::npos;
    const ServedTarget served = served_target(head.target, request.served);
    hints.path = served.dialect;
    const Match match = match_endpoint(head.method, served.target, hints, asks_for_websocket(head));
    request.family = match.family;
    if (served.refused != nullptr) return MatchError::unsafe_path;
    if (!match.endpoint) return match.error;
    request.endpoint = *match.endpoint;
    if (!request.served.empty()) request.endpoint.target = served.target;
    request.endpoint.deployment = served.deployment;
    return std::nullopt;
}

asio::awaitable<void> refuse_path(Session& session, Request& request, std::size_t head_size, MatchError error) {
    const http1::RequestHead& head = request.head;
    const bool known = error == MatchError::wrong_method;
    const bool unsafe = error == MatchError::unsafe_path;
    const std::string message =
        unsafe  ? unsafe_path(path_of(head.target))
        : known ? "this path does not take " + cut_field(head.method)
                : "no endpoint at " + cut_field(path_of(head.target)) + "; see the README for what is served";
    if (head.content_length.value_or(0) > 0 || head.chunked) session.end_keep_alive();
    session.input().erase(0, head_size);
    co_await session.respond_error(request, unsafe ? 400 : known ? 405 : 404, message);
}

}  // namespace lurus::gateway
