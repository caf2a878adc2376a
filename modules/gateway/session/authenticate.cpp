#include "modules/gateway/attempt/forward_head.hpp"
#include "modules/gateway/session/steps.hpp"

namespace lurus::gateway {

namespace asio = boost::asio;

const char* authenticate(const Session& session, Request& request) {
    const std::string_view presented = presented_key(request.head);
    if (!presented.empty()) request.key = request.snapshot->keys->find(presented);
    if (request.key != nullptr) {
        if (request.key->use) request.key->use->note(request.time);
        if (request.key->disabled) return "this key is disabled";
        return request.key->usable_at(request.time) ? nullptr : "this key has expired";
    }
    if (session.open()) return nullptr;
    return presented.empty() ? "no key: send one as x-api-key, Authorization: Bearer or x-goog-api-key (make "
                               "one with `lurus key create --name NAME`)"
                             : "this key is not known here (make one with `lurus key create --name NAME`)";
}

asio::awaitable<void> refuse_key(Session& session, Request& request, const char* problem) {
    if (request.head.content_length.value_or(0) > 0 || request.head.chunked) session.end_keep_alive();
    const std::string_view extra = request.family == Family::openai ? "WWW-Authenticate: Bearer\r\n" : "";
    co_await session.respond_error(request, 401, problem, extra);
    if (session.keep_alive()) {
        const auto parsed = http1::parse_request_head(session.input(), session.input().size() + 1, request.head);
        session.input().erase(0, parsed.consumed);
    }
}

}  // namespace lurus::gateway
