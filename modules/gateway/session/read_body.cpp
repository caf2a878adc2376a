#include <algorithm>
#include <utility>

#include "modules/gateway/session/steps.hpp"

namespace lurus::gateway {

namespace asio = boost::asio;

namespace {

constexpr std::size_t most_reserved = 16 << 20;  // address space for an announced body; memory comes with its bytes

// The head's bytes have moved to `request.bytes`, and what the endpoint has of the target moves with them.
void parse_again(Request& request, std::size_t head_size) {
    const std::string_view before = request.head.target;
    http1::parse_request_head(request.bytes, head_size, request.head);
    if (!request.endpoint.target.empty()) return;  // it has its target elsewhere
    for (std::string_view* part : {&request.endpoint.path_model, &request.endpoint.resource}) {
        if (!part->empty())
            *part = request.head.target.substr(static_cast<std::size_t>(part->data() - before.data()), part->size());
    }
}

void own_bytes(Session& session, Request& request, std::size_t head_size, std::size_t total) {
    std::string& input = session.input();
    session.want_input(0);
    if (input.size() == total) {
        request.bytes = std::exchange(input, {});
    } else {
        request.bytes = input.substr(0, total);
        input.erase(0, total);
    }
    // The head's bytes stand where they were parsed unless the buffer grew or was shared with the next request.
    if (request.head.target.data() != request.bytes.data() + request.target_at) parse_again(request, head_size);
    request.body = std::string_view(request.bytes).substr(head_size);
    session.arm_read();
}

asio::awaitable<bool> refuse_size(Session& session, Request& request) {
    const std::string why = "the request's body is larger than the " +
                            std::to_string(request.snapshot->settings.max_body_bytes) +
                            " bytes that server.max_body_bytes allows";
    session.end_keep_alive();
    co_await session.respond_error(request, 413, why);
    co_return false;
}

// No more of the body came: the client is gone, or is told that it is late.
asio::awaitable<bool> give_up(Session& session, Request& request) {
    if (session.client_gone()) co_return false;
    session.end_keep_alive();
    co_await session.respond_error(request, 408, "the request's body did not arrive in time");
    co_return false;
}

asio::awaitable<bool> read_chunked(Session& session, Request& request, std::size_t head_size) {
    std::string& input = session.input();
    const GatewaySettings& settings = request.snapshot->settings;
    const auto cap = static_cast<std::size_t>(settings.max_body_bytes);
    http1::BodyFramer framer(http1::BodyKind::chunked, 0);
    request.bytes = input.substr(0, head_size);
    input.erase(0, head_size);
    parse_again(request, head_size);
    while (!framer.done()) {
        std::string_view rest = input;
        while (!rest.empty() && !framer.done()) {
            const auto step = framer.feed(rest);
            if (step.error != nullptr) {
                session.end_keep_alive();
                co_await session.respond_error(request, 400, std::string("bad chunked body: ") + step.error);
                co_return false;
            }
            request.chunked_body.append(step.payload);
            rest.remove_prefix(step.consumed);
        }
        input.erase(0, input.size() - rest.size());
        if (request.chunked_body.size() > cap) co_return co_await refuse_size(session, request);
        if (framer.done()) break;
        session.set_deadline(settings.body_timeout_ms);
        if (!co_await session.more_input()) co_return co_await give_up(session, request);
    }
    session.set_deadline(0);
    request.body = request.chunked_body;
    session.arm_read();
    co_return true;
}

}  // namespace

bool take_body(Session& session, Request& request, std::size_t head_size) {
    std::string& input = session.input();
    const std::uint64_t length = request.head.content_length.value_or(0);
    const auto cap = static_cast<std::uint64_t>(request.snapshot->settings.max_body_bytes);
    if (request.head.chunked || length > cap || input.size() < head_size + length) return false;
    own_bytes(session, request, head_size, head_size + static_cast<std::size_t>(length));
    return true;
}

asio::awaitable<bool> read_body(Session& session, Request& request, std::size_t head_size) {
    std::string& input = session.input();
    const GatewaySettings& settings = request.snapshot->settings;
    const auto cap = static_cast<std::uint64_t>(settings.max_body_bytes);
    if (request.head.content_length.value_or(0) > cap) co_return co_await refuse_size(session, request);
    if (request.head.expect_continue && input.size() == head_size) {
        if (!co_await session.send("HTTP/1.1 100 Continue\r\n\r\n")) co_return false;
    }
    if (request.head.chunked) co_return co_await read_chunked(session, request, head_size);
    const std::size_t total = head_size + static_cast<std::size_t>(request.head.content_length.value_or(0));
    if (input.size() < total) {
        session.want_input(total);
        input.reserve(std::min(total, most_reserved));
        while (input.size() < total) {
            session.set_deadline(settings.body_timeout_ms);
            if (!co_await session.more_input()) co_return co_await give_up(session, request);
        }
        session.set_deadline(0);
    }
    own_bytes(session, request, head_size, total);
    co_return true;
}

}  // namespace lurus::gateway
