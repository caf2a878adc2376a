#include "modules/gateway/attempt/websocket_relay.hpp"

#include <algorithm>

#include "modules/gateway/attempt/candidates.hpp"
#include "modules/gateway/attempt/forward_head.hpp"
#include "modules/gateway/attempt/websocket_tunnel.hpp"
#include "modules/gateway/attempt/websocket_upstream.hpp"
#include "modules/gateway/session/browser.hpp"
#include "modules/gateway/session/steps.hpp"

namespace lurus::gateway {

namespace asio = boost::asio;

namespace {

constexpr std::size_t max_error_body = 256 * 1024;
constexpr std::size_t key_characters = 24;  // sixteen bytes as base64

/// Finds an upstream that switches protocols; then the tunnel is what is left of the request.
class Upgrade {
public:
    Upgrade(Session& session, Request& request) : session_(session), request_(request), upstream_(session, request) {}

    asio::awaitable<void> run();

private:
    [[nodiscard]] bool first_message_chooses() const;
    [[nodiscard]] bool is_live() const { return request_.endpoint.operation == Operation::gemini_live; }
    asio::awaitable<void> run_alone();
    asio::awaitable<void> pass_refusal();
    std::int64_t since_start() const { return session_.shard.clock.monotonic_us() - request_.started_us; }

    Session& session_;
    Request& request_;
    WebsocketUpstream upstream_;
};

// The handshake of a Responses WebSocket names no model. Where one provider answers for all of them it is asked at
// once, and the client gets its answer; else whom to ask is known with the first message. Of a Live session it always
// is.
bool Upgrade::first_message_chooses() const {
    const auto& candidates = (*request_.resolution)->candidates;
    if (is_live()) return std::ranges::any_of(candidates, [](const Candidate& one) { return !one.provider->local; });
    if (request_.endpoint.operation != Operation::responses || !request_.facts.model.empty()) return false;
    const Provider* first = candidates.front().provider.get();
    const bool several =
        std::ranges::any_of(candidates, [&](const Candidate& one) { return one.provider.get() != first; });
    return several && std::ranges::any_of(candidates, [](const Candidate& one) { return !one.provider->local; });
}

asio::awaitable<void> Upgrade::run_alone() {
    if (request_.head.value("sec-websocket-version") != "13") {
        co_await session_.refuse(request_, 426, "this WebSocket version is not served; version 13 is",
                                 "Sec-WebSocket-Version: 13\r\nUpgrade: websocket\r\n");
        co_return;
    }
    if (request_.head.value("sec-websocket-key").size() != key_characters) {
        co_await session_.refuse(request_, 400, "the upgrade has no valid Sec-WebSocket-Key");
        co_return;
    }
    if (!is_live() && session_.shard.no_websocket.knows(request_, session_.shard.clock.monotonic_us())) {
        co_await session_.refuse(request_, 426, "the vendor serves no WebSocket; send the same request with POST");
        co_return;
    }
    WebsocketTunnel tunnel(session_, request_, upstream_);
    co_await tunnel.run_alone();
}

asio::awaitable<void> Upgrade::run() {
    request_.record.stream = true;
    if (const auto& resolution = candidates_of(request_); !resolution) {
        co_await session_.refuse(request_, status_of(resolution.error()), resolution.error().message);
        co_return;
    }
    if (first_message_chooses()) {
        co_await run_alone();
        co_return;
    }
    AttemptLoop attempts(take_candidates(request_), AttemptLoop::Protocol::websocket, request_.facts.model,
                         request_.record);
    while (attempts.next(since_start()) != nullptr) {
        if (co_await upstream_.open(attempts)) {
            WebsocketTunnel tunnel(session_, request_, upstream_);
            co_await tunnel.run();
            co_return;
        }
        // Of a client that left before there was a WebSocket nothing is recorded: nothing was asked of a model.
        if (session_.client_gone()) co_return;
        if (upstream_.exchange().connection() != nullptr) {
            co_await pass_refusal();
            co_return;
        }
    }
    co_await session_.refuse(request_, attempts.status(), attempts.message());
}

// The vendor's own words on why there is no upgrade.
asio::awaitable<void> Upgrade::pass_refusal() {
    Exchange& exchange = upstream_.exchange();
    http1::BodyFramer framer(http1::body_kind(exchange.head, "GET"), exchange.head.content_length.value_or(0));
    std::string body;
    const std::string head = with_cors(
        downstream_head(exchange.head, Framing::until_close, std::nullopt, session_.keep_alive(), request_.trace_id,
                        session_.limits.fields(request_), request_.snapshot->settings.headers.from_vendors),
        request_.cors);
    std::string bytes = upstream_.take_after_head();
    bool broken = false;
    while (!framer.done() && body.size() < max_error_body) {
        std::string_view rest = bytes;
        while (!rest.empty() && !framer.done()) {
            const auto step = framer.feed(rest);
            if (step.error != nullptr) {
                broken = true;
                break;
            }
            body.append(step.payload);
            rest.remove_prefix(step.consumed);
        }
        if (framer.done() || broken) break;
        exchange.connection()->arm();
        while (!exchange.readable() && !session_.client_gone() && !session_.timed_out())
            co_await session_.signal.wait();
        if (!exchange.readable()) break;
        auto& scratch = session_.shard.scratch;
        const IoResult result = exchange.read();
        if (result.state == Io::eof || result.state == Io::error) break;
        bytes.assign(scratch.data(), result.bytes);
    }
    RequestRecord& record = request_.record;
    record.status = exchange.head.status;
    record.end = End::error;
    record.error = "the upstream refused the WebSocket";
    record.ttfb_us = record.duration_us = since_start();
    record.bytes_out = static_cast<std::int64_t>(body.size());
    std::string out =
        head.substr(0, head.size() - 2) + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    co_await session_.commit(std::move(record));
    co_await session_.send(std::move(out));
}

}  // namespace

asio::awaitable<void> relay_websocket(Session& session, Request& request) {
    Upgrade upgrade(session, request);
    co_await upgrade.run();
}

}  // namespace lurus::gateway
