#include "core/text/ascii.hpp"
#include "modules/gateway/session/steps.hpp"

namespace lurus::gateway {

namespace asio = boost::asio;

std::string_view path_of(std::string_view target) {
    return target.substr(0, target.find('?'));
}

bool asks_for_websocket(const http1::RequestHead& head) {
    return head.method != "HEAD" && iequals(head.upgrade, "websocket");
}

std::optional<MatchError> route(Request& request) {
    const http1::RequestHead& head = request.head;
    DialectHints hints;
    hints.anthropic_version = head.find("anthropic-version") != nullptr || head.find("x-api-key") != nullptr;
    hints.google_key = head.find("x-goog-api-key") != nullptr || head.target.find("?key=") != std::string_view::npos ||
                       head.target.find("&key=") != std::string_view::npos;
    // What can be read can be asked for without its body.
    const std::string_view method = request.head_only ? "GET" : head.method;
    const Match match = match_endpoint(method, head.target, hints, asks_for_websocket(head));
    request.family = match.family;
    if (!match.endpoint) return match.error;
    request.endpoint = *match.endpoint;
    return std::nullopt;
}

asio::awaitable<void> refuse_path(Session& session, Request& request, std::size_t head_size, MatchError error) {
    const http1::RequestHead& head = request.head;
    const bool known = error == MatchError::wrong_method;
    const std::string message =
        known ? "this path does not take " + cut_field(head.method)
              : "no endpoint at " + cut_field(path_of(head.target)) + "; see the README for what is served";
    if (head.content_length.value_or(0) > 0 || head.chunked) session.end_keep_alive();
    session.input().erase(0, head_size);
    co_await session.respond_error(request, known ? 405 : 404, message);
}

}  // namespace lurus::gateway
