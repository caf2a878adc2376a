// Passes a body to the vendor as it comes from the client: nothing more is read of the client before the vendor took
// what came, so what is held is what a connection may hold anyway.

#include <array>
#include <boost/asio/buffer.hpp>
#include <charconv>
#include <memory>
#include <span>
#include <utility>

#include "modules/gateway/attempt/connect.hpp"
#include "modules/gateway/attempt/send_request.hpp"
#include "modules/gateway/session/steps.hpp"

namespace lurus::gateway {

namespace asio = boost::asio;

namespace {

constexpr std::size_t piece_bytes = 128 * 1024;  // of the client's bytes at a time

/// What has been taken off the client and not by the vendor.
struct Outgoing {
    std::string bytes;
    std::size_t at = 0;
    bool ended = false;     // the vendor takes no more
    bool answered = false;  // its head is here already, and waits for the body to be sent

    [[nodiscard]] bool empty() const { return at == bytes.size(); }
};

enum class Sent : std::uint8_t {
    whole,
    stopped,  // the vendor takes no more, and may have said why
    failed,   // the attempt has ended
};

void append_piece(std::string& out, std::string_view payload, bool chunked) {
    if (!chunked) {
        out.append(payload);
        return;
    }
    std::array<char, 16> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), payload.size(), 16).ptr;
    out.append(digits.data(), end).append("\r\n").append(payload).append("\r\n");
}

// What came of the body goes to `out` in the vendor's framing. False: the request is at fault, and the attempt ended.
bool take_body_bytes(Relay& relay, std::string& out) {
    Request& request = relay.request;
    Upload& upload = *request.upload;
    std::string& input = relay.session.input();
    std::size_t taken = 0;
    while (taken < input.size() && !upload.framer.done()) {
        const auto step = upload.framer.feed(std::string_view(input).substr(taken));
        if (step.error != nullptr) {
            relay.attempts.refuse(400, relay.since_start(), std::string("bad chunked body: ") + step.error);
            return false;
        }
        taken += step.consumed;
        if (step.payload.empty()) continue;
        std::int64_t& passed = request.record.bytes_in;
        if (step.payload.size() > upload.most - static_cast<std::uint64_t>(passed)) {
            relay.attempts.refuse(413, relay.since_start(), too_large_upload(upload.most));
            return false;
        }
        passed += static_cast<std::int64_t>(step.payload.size());
        std::string& logged = request.record.request_body;
        if (logged.size() < upload.logged_most)
            logged.append(step.payload.substr(0, upload.logged_most - logged.size()));
        append_piece(out, step.payload, request.head.chunked);
    }
    input.erase(0, taken);
    if (!upload.framer.done()) return true;
    if (request.head.chunked) out += "0\r\n\r\n";
    request.body_open = false;
    relay.session.want_input(0);
    return true;
}

void write_out(Relay& relay, Outgoing& out) {
    Channel& channel = relay.upstream.connection()->channel;
    while (!out.empty()) {
        const asio::const_buffer buffer(out.bytes.data() + out.at, out.bytes.size() - out.at);
        const IoResult result = channel.write(std::span(&buffer, 1));
        if (result.state == Io::error || result.state == Io::eof) {
            out.ended = true;
            return;
        }
        if (result.bytes == 0) return;
        out.at += result.bytes;
        relay.session.set_deadline(relay.provider().idle_timeout_ms);
    }
    out.bytes.clear();
    out.at = 0;
}

// What the vendor says meanwhile. False: the attempt has ended.
bool look_at_answer(Relay& relay, Outgoing& out) {
    switch (read_early_head(relay)) {
        case EarlyHead::none: return true;
        case EarlyHead::complete:
            out.answered = true;
            // Any other answer may need the whole body.
            out.ended = relay.upstream.head.status >= 400;
            return true;
        case EarlyHead::closed:
            relay.end_attempt(Outcome::reset, "the upstream closed the connection while the request was sent to it");
            return false;
        case EarlyHead::failed: return false;
    }
    return false;
}

void wake_when_writable(Relay& relay, const std::shared_ptr<bool>& writable) {
    *writable = false;
    relay.upstream.connection()->channel.when_writable(
        [writable, keep = relay.session.shared_from_this()](const boost::system::error_code&) {
            *writable = true;
            keep->signal.notify();
        });
}

// Nothing came of the client, or the vendor took nothing, for as long as either may take.
void end_for_silence(Relay& relay, bool vendor) {
    if (!vendor) {
        relay.attempts.refuse(408, relay.since_start(), "the request's body did not arrive in time");
        return;
    }
    relay.end_attempt(Outcome::idle_timeout, "the upstream took nothing of the request for " +
                                                 std::to_string(relay.provider().idle_timeout_ms) + " ms");
}

asio::awaitable<Sent> pass_body(Relay& relay, Outgoing& out) {
    Session& session = relay.session;
    Upload& upload = *relay.request.upload;
    const int client_ms = relay.request.snapshot->settings.body_timeout_ms;
    const auto writable = std::make_shared<bool>(true);
    bool waits_for_client = false;
    session.want_input(piece_bytes);
    session.set_deadline(relay.provider().idle_timeout_ms);
    for (;;) {
        if (!out.answered && relay.upstream.readable() && !look_at_answer(relay, out)) co_return Sent::failed;
        if (!out.ended && *writable) write_out(relay, out);
        if (out.ended) co_return Sent::stopped;
        if (out.empty()) {
            if (upload.framer.done()) co_return Sent::whole;
            if (!session.input().empty()) {
                waits_for_client = false;
                session.set_deadline(relay.provider().idle_timeout_ms);
                if (!take_body_bytes(relay, out.bytes)) co_return Sent::failed;
                session.arm_read();
                continue;
            }
            if (!std::exchange(waits_for_client, true)) session.set_deadline(client_ms);
        } else if (*writable) {
            wake_when_writable(relay, writable);
        }
        session.arm_read();
        if (!out.answered) relay.upstream.connection()->arm();
        if (session.client_gone()) {
            relay.end_attempt(Outcome::client_gone, "the client left before its request was whole");
            co_return Sent::failed;
        }
        if (session.timed_out()) {
            end_for_silence(relay, !waits_for_client);
            co_return Sent::failed;
        }
        co_await session.signal.wait();
    }
}

// The vendor's connection is there: the client may begin.
asio::awaitable<bool> invite(Relay& relay) {
    if (std::exchange(relay.request.upload->invited, true)) co_return true;
    co_return co_await relay.session.send_interim("HTTP/1.1 100 Continue\r\n\r\n");
}

// The head of an answer that has not come yet. False: the attempt has ended.
asio::awaitable<bool> wait_for_answer(Relay& relay) {
    const HeadState state = co_await read_answer_head(relay);
    if (state == HeadState::complete) co_return true;
    if (state == HeadState::client_gone) relay.end_attempt(Outcome::client_gone, "the client left");
    if (state == HeadState::closed)
        relay.end_attempt(Outcome::reset, "the upstream closed the connection without an answer");
    co_return false;
}

}  // namespace

asio::awaitable<bool> ask_upload(Relay& relay) {
    Session& session = relay.session;
    const Target& target = relay.attempts.target();
    if (target.provider->local) {
        relay.end_attempt(Outcome::connect_error, "an in-process vendor takes no uploads of this size");
        co_return false;
    }
    // A pooled connection may turn out to be closed when the body cannot be sent again.
    Connected connected = co_await connect_upstream(session, target.provider, target.endpoint());
    if (!connected.connection) {
        relay.end_attempt(connected.outcome, std::move(connected.error));
        co_return false;
    }
    relay.upstream.use(std::move(connected.connection));
    relay.attempts.keep_to_this();
    relay.upstream.head_bytes.clear();
    Outgoing out;
    {
        const UpstreamRequest request(relay.request, target, relay.request.record.upstream_model, false);
        out.bytes = request.head;
    }
    session.set_keepalive(0);
    Sent sent = Sent::failed;
    if (co_await invite(relay)) sent = co_await pass_body(relay, out);
    session.set_keepalive(relay.request.snapshot->settings.heartbeat_ms);
    if (relay.request.body_open) drop_unread(session, relay.request);
    relay.sent = sent != Sent::failed;
    if (!relay.sent || (!out.answered && !co_await wait_for_answer(relay))) {
        relay.upstream.drop();
        co_return false;
    }
    if (sent == Sent::stopped) relay.upstream.head.keep_alive = false;
    co_return true;
}

}  // namespace lurus::gateway
