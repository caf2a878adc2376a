#include "modules/gateway/attempt/websocket_upstream.hpp"

#include "core/http/websocket_frames.hpp"
#include "modules/gateway/attempt/connect.hpp"
#include "modules/gateway/attempt/forward_head.hpp"

namespace lurus::gateway {

namespace asio = boost::asio;

namespace {

constexpr std::size_t max_upgrade_head = 64 * 1024;
constexpr std::size_t small_front = 64 * 1024;  // sent bytes that are kept at the front rather than moving the rest

}  // namespace

void WebsocketUpstream::drop() {
    exchange_.drop();
    exchange_.head_bytes.clear();
    provider_.reset();
    unsent_.clear();
    sent_ = 0;
    write_armed_ = std::make_shared<bool>(false);
}

void WebsocketUpstream::write(std::string bytes) {
    if (unsent() == 0) {
        unsent_ = std::move(bytes);
        sent_ = 0;
    } else {
        unsent_ += bytes;
    }
}

bool WebsocketUpstream::push() {
    while (unsent() > 0) {
        const asio::const_buffer buffer(unsent_.data() + sent_, unsent());
        const IoResult result = exchange_.connection()->channel.write(std::span(&buffer, 1));
        if (result.state == Io::error || result.state == Io::eof) return false;
        sent_ += result.bytes;
        if (result.bytes == 0) {
            if (!*write_armed_) {
                *write_armed_ = true;
                // The tunnel may be over when this comes; a late notify only makes the session look.
                exchange_.connection()->channel.when_writable([keep = session_.shared_from_this(),
                                                               connection = exchange_.shared(),
                                                               armed = write_armed_](const auto&) {
                    *armed = false;
                    keep->signal.notify();
                });
            }
            break;
        }
    }
    if (unsent() == 0) {
        unsent_.clear();
        if (sent_ > small_front) unsent_.shrink_to_fit();
        sent_ = 0;
    } else if (sent_ > small_front && sent_ > unsent()) {
        unsent_.erase(0, sent_);
        sent_ = 0;
    }
    return true;
}

asio::awaitable<bool> WebsocketUpstream::open(AttemptLoop& attempts) {
    const auto since_start = [this] { return session_.shard.clock.monotonic_us() - request_.started_us; };
    drop();
    const std::shared_ptr<const Provider> provider = attempts.target().provider;
    if (provider->local) {
        attempts.ended(Outcome::no_websocket, since_start(), "it serves no WebSocket; send the same request with POST");
        co_return false;
    }
    Connected connected = co_await connect_upstream(session_, provider, attempts.target().endpoint());
    if (!connected.connection) {
        attempts.ended(connected.outcome, since_start(), std::move(connected.error));
        co_return false;
    }
    exchange_.use(std::move(connected.connection));
    write(upstream_head(request_.head, request_.endpoint, attempts.target(), request_.record.upstream_model,
                        std::nullopt, true, request_.snapshot->settings.headers.from_clients));
    session_.set_deadline(provider->connect_timeout_ms);
    bool good = co_await read_head();
    const int status = exchange_.head.status;
    if (good && status == 101) {
        failure_ = wrong_handshake();
        good = failure_.empty();
    }
    if (!good) {
        attempts.ended(Outcome::bad_answer, since_start(), failure_);
        if (session_.timed_out()) attempts.tell(504, std::move(failure_));
        failure_.clear();
        drop();
        co_return false;
    }
    const AttemptLoop::Use use = attempts.answered(status, false);
    if (status == 101) {
        provider_ = last_provider_ = provider;
        co_return true;
    }
    attempts.ended(Outcome::status, since_start(), "the upstream refused the WebSocket");
    if (use == AttemptLoop::Use::drop) drop();
    co_return false;
}

// What is wrong with the vendor's switch of protocols; empty = nothing.
std::string WebsocketUpstream::wrong_handshake() const {
    if (exchange_.head.find("sec-websocket-extensions") != nullptr)
        return "the upstream wants an extension of WebSockets that nobody offered";
    const std::string_view key = request_.head.value("sec-websocket-key");
    if (!key.empty() && exchange_.head.value("sec-websocket-accept") != websocket::accept_value(key))
        return "the upstream's Sec-WebSocket-Accept is wrong";
    return {};
}

asio::awaitable<bool> WebsocketUpstream::read_head() {
    for (;;) {
        if (!push()) {
            failure_ = "the upstream closed the connection";
            co_return false;
        }
        if (exchange_.readable()) {
            auto& scratch = session_.shard.scratch;
            const IoResult result = exchange_.read();
            if (result.state == Io::ok) {
                exchange_.head_bytes.append(scratch.data(), result.bytes);
                for (;;) {
                    const auto parsed =
                        http1::parse_response_head(exchange_.head_bytes, max_upgrade_head, exchange_.head);
                    if (parsed.state == http1::HeadResult::State::bad) {
                        failure_ = std::string("the upstream's answer is not valid HTTP: ") + parsed.why;
                        co_return false;
                    }
                    if (parsed.state == http1::HeadResult::State::need_more) break;
                    if (exchange_.head.status == 101 || exchange_.head.status >= 200) {
                        after_head_ = exchange_.head_bytes.substr(parsed.consumed);
                        co_return true;
                    }
                    exchange_.head_bytes.erase(0, parsed.consumed);  // interim
                }
            } else if (result.state != Io::again) {
                failure_ = "the upstream closed the connection without an answer";
                co_return false;
            }
        }
        exchange_.connection()->arm();
        if (session_.client_gone()) co_return false;
        if (session_.timed_out()) {
            failure_ = "the upstream did not answer the upgrade in time";
            co_return false;
        }
        if (!exchange_.readable()) co_await session_.signal.wait();
    }
}

}  // namespace lurus::gateway
