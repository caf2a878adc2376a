#include "modules/gateway/session/endpoint.hpp"

#include "modules/gateway/dialect/dialect.hpp"

namespace lurus::gateway {
namespace {

HttpMethod method_of(std::string_view text) {
    if (text == "GET") return HttpMethod::get;
    if (text == "POST") return HttpMethod::post;
    if (text == "DELETE") return HttpMethod::del;
    if (text == "PATCH") return HttpMethod::patch;
    return HttpMethod::other;
}

}  // namespace

Match match_endpoint(std::string_view method, std::string_view target, const DialectHints& hints, bool websocket) {
    const std::size_t mark = target.find('?');
    RequestPath request;
    request.method = method_of(method);
    request.path = target.substr(0, mark);
    while (request.path.size() > 1 && request.path.ends_with('/')) request.path.remove_suffix(1);
    if (mark != std::string_view::npos) request.query = target.substr(mark + 1);
    request.websocket = websocket;
    request.hinted = hints.path                ? *hints.path
                     : hints.anthropic_version ? Dialect::anthropic
                     : hints.google_key        ? Dialect::gemini
                                               : Dialect::openai;
    for (const DialectRules& dialect : all_dialects()) {
        if (const auto match = dialect.endpoints->match(request)) return *match;
    }
    return refused(request.hinted, MatchError::unknown_path);
}

}  // namespace lurus::gateway
