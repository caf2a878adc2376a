#include "modules/gateway/attempt/websocket_relay.hpp"

#include <algorithm>

#include "modules/gateway/attempt/candidates.hpp"
#include "modules/gateway/attempt/connect.hpp"
#include "modules/gateway/attempt/relay.hpp"
#include "modules/gateway/attempt/websocket_tunnel.hpp"
#include "modules/gateway/session/steps.hpp"

namespace lurus::gateway {

namespace asio = boost::asio;

namespace {

constexpr std::size_t max_head = 64 * 1024;
constexpr std::size_t max_error_body = 256 * 1024;

// The model in `?model=` (realtime), as a part of the target.
std::string_view query_model(std::string_view target) {
    std::size_t at = target.find('?');
    while (at != std::string_view::npos && at + 1 < target.size()) {
        const std::size_t begin = at + 1;
        const std::size_t end = std::min(target.find('&', begin), target.size());
        if (target.substr(begin, end - begin).starts_with("model=")) return target.substr(begin + 6, end - begin - 6);
        at = end < target.size() ? end : std::string_view::npos;
    }
    return {};
}

/// Finds an upstream that switches protocols; then the tunnel is what is left of the request.
class Upgrade {
public:
    Upgrade(Session& session, Request& request)
        : session_(session), request_(request), upstream_(session.shard), tunnel_(session, request, upstream_) {}

    asio::awaitable<void> run();

private:
    asio::awaitable<bool> open(AttemptLoop& attempts);
    asio::awaitable<bool> read_head();
    asio::awaitable<void> pass_refusal();
    std::int64_t since_start() const { return session_.shard.clock.monotonic_us() - request_.started_us; }

    Session& session_;
    Request& request_;
    Exchange upstream_;
    WebsocketTunnel tunnel_;
    std::string after_head_;  // bytes that came with the head
    std::string failure_;     // of the attempt
};

asio::awaitable<void> Upgrade::run() {
    request_.record.stream = true;
    if (const auto model = query_model(request_.head.target); !model.empty()) {
        request_.endpoint.path_model = model;
        request_.set_model(model);
        if (const std::string rule = broken_rule(request_); !rule.empty()) {
            co_await session_.refuse(request_, 403, rule);
            co_return;
        }
    }
    if (const auto& resolution = candidates_of(request_); !resolution) {
        co_await session_.refuse(request_, status_of(resolution.error()), resolution.error().message);
        co_return;
    }
    AttemptLoop attempts(take_candidates(request_), AttemptLoop::Protocol::websocket, request_.facts.model,
                         request_.record);
    while (attempts.next(since_start()) != nullptr) {
        if (co_await open(attempts)) {
            co_await tunnel_.run(attempts, std::move(after_head_));
            co_return;
        }
        // Of a client that left before there was a WebSocket nothing is recorded: nothing was asked of a model.
        if (session_.client_gone()) co_return;
        if (upstream_.connection() != nullptr) {
            co_await pass_refusal();
            co_return;
        }
    }
    co_await session_.refuse(request_, attempts.status(), attempts.message());
}

// True when the upstream switched protocols. False with a connection: it refused in a way that the client is told.
asio::awaitable<bool> Upgrade::open(AttemptLoop& attempts) {
    const Provider& provider = *attempts.target().provider;
    if (provider.local) {
        attempts.ended(Outcome::no_websocket, since_start(), "it serves no WebSocket; send the same request with POST");
        co_return false;
    }
    Connected connected = co_await connect_upstream(session_, attempts.target().provider, attempts.target().endpoint());
    if (!connected.connection) {
        attempts.ended(connected.outcome, since_start(), std::move(connected.error));
        co_return false;
    }
    upstream_.use(std::move(connected.connection));
    tunnel_.begin(upstream_head(request_.head, request_.endpoint, attempts.target(), request_.record.upstream_model,
                                std::nullopt, true, request_.snapshot->settings.headers.from_clients));
    upstream_.head_bytes.clear();
    session_.set_deadline(provider.connect_timeout_ms);
    if (!co_await read_head()) {
        attempts.ended(Outcome::bad_answer, since_start(), failure_);
        if (session_.timed_out()) attempts.tell(504, std::move(failure_));
        failure_.clear();
        upstream_.drop();
        co_return false;
    }
    const int status = upstream_.head.status;
    const AttemptLoop::Use use = attempts.answered(status, false);
    if (status == 101) co_return true;
    attempts.ended(Outcome::status, since_start(), "the upstream refused the WebSocket");
    if (use == AttemptLoop::Use::drop) upstream_.drop();
    co_return false;
}

asio::awaitable<bool> Upgrade::read_head() {
    for (;;) {
        if (!tunnel_.push()) {
            failure_ = "the upstream closed the connection";
            co_return false;
        }
        if (upstream_.readable()) {
            auto& scratch = session_.shard.scratch;
            const IoResult result = upstream_.read();
            if (result.state == Io::ok) {
                upstream_.head_bytes.append(scratch.data(), result.bytes);
                for (;;) {
                    const auto parsed = http1::parse_response_head(upstream_.head_bytes, max_head, upstream_.head);
                    if (parsed.state == http1::HeadResult::State::bad) {
                        failure_ = std::string("the upstream's answer is not valid HTTP: ") + parsed.why;
                        co_return false;
                    }
                    if (parsed.state == http1::HeadResult::State::need_more) break;
                    if (upstream_.head.status == 101 || upstream_.head.status >= 200) {
                        after_head_ = upstream_.head_bytes.substr(parsed.consumed);
                        co_return true;
                    }
                    upstream_.head_bytes.erase(0, parsed.consumed);  // interim
                }
            } else if (result.state != Io::again) {
                failure_ = "the upstream closed the connection without an answer";
                co_return false;
            }
        }
        upstream_.connection()->arm();
        if (session_.client_gone()) co_return false;
        if (session_.timed_out()) {
            failure_ = "the upstream did not answer the upgrade in time";
            co_return false;
        }
        if (!upstream_.readable()) co_await session_.signal.wait();
    }
}

// The vendor's own words on why there is no upgrade.
asio::awaitable<void> Upgrade::pass_refusal() {
    http1::BodyFramer framer(http1::body_kind(upstream_.head, "GET"), upstream_.head.content_length.value_or(0));
    std::string body;
    const std::string head =
        downstream_head(upstream_.head, Framing::until_close, std::nullopt, session_.keep_alive(), request_.trace_id,
                        session_.limits.fields(request_), request_.snapshot->settings.headers.from_vendors);
    std::string bytes = std::move(after_head_);
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
        upstream_.connection()->arm();
        while (!upstream_.readable() && !session_.client_gone() && !session_.timed_out())
            co_await session_.signal.wait();
        if (!upstream_.readable()) break;
        auto& scratch = session_.shard.scratch;
        const IoResult result = upstream_.read();
        if (result.state == Io::eof || result.state == Io::error) break;
        bytes.assign(scratch.data(), result.bytes);
    }
    RequestRecord& record = request_.record;
    record.status = upstream_.head.status;
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
