#include "modules/gateway/attempt/websocket_tunnel.hpp"

#include <utility>

#include "core/os/release.hpp"
#include "modules/gateway/attempt/forward_head.hpp"
#include "modules/gateway/session/presented_keys.hpp"

namespace lurus::gateway {

namespace asio = boost::asio;
using FrameKind = websocket::Step::Kind;

namespace {

constexpr std::size_t max_unsent = 256 * 1024;               // towards the vendor, before the client is read on
constexpr std::size_t max_vendor_message = 8 * 1024 * 1024;  // a longer one is read as it passes
constexpr std::uint16_t normal_closure = 1000;
constexpr std::uint16_t going_away = 1001;

// So that the answers to our pings are known, also behind another gateway like this one.
std::string random_tag() {
    const auto bytes = websocket::random_mask();
    return "lurus" + std::string(bytes.begin(), bytes.end());
}

std::string masked(websocket::Opcode opcode, std::string_view payload) {
    return websocket::make_frame(opcode, payload, websocket::random_mask());
}

std::size_t control_size(const websocket::Step& step) {
    return 2 + step.payload.size();  // a server's has no mask
}

}  // namespace

WebsocketTunnel::WebsocketTunnel(Session& session, Request& request, WebsocketUpstream& upstream)
    : session_(session),
      request_(request),
      upstream_(upstream),
      gate_(session, request, upstream),
      digest_(std::make_unique<MessageDigest>()),
      ping_tag_(random_tag()),
      client_frames_(websocket::Sender::client, gate_.max_message()),
      server_frames_(websocket::Sender::server, max_vendor_message, digest_.get()) {}

void WebsocketTunnel::send_client(std::string_view bytes) {
    if (bytes.empty()) return;
    const asio::const_buffer buffer(bytes.data(), bytes.size());
    if (session_.send_now(std::span(&buffer, 1))) client_.sent_us = now();
}

void WebsocketTunnel::send_upstream(std::string frame) {
    upstream_.write(std::move(frame));
    vendor_.sent_us = now();
}

void WebsocketTunnel::say(std::string frame) {
    if (vendor_closed_ || client_closed_ || mute_) return;
    if (server_frames_.inside_payload() || server_frames_.inside_message()) {
        later_ += frame;
    } else {
        send_client(frame);
    }
}

// What a verdict says beside letting the message pass.
void WebsocketTunnel::obey(Verdict verdict) {
    if (verdict.what == Verdict::What::pass) return;
    if (!verdict.text.empty()) say(websocket::make_frame(websocket::Opcode::text, verdict.text));
    if (verdict.what == Verdict::What::refuse) return;
    last_ = true;
    over_ = over_ || verdict.what == Verdict::What::end;
    close_code_ = verdict.close_code;
    failure_ = std::move(verdict.reason);
    if (verdict.what != Verdict::What::mute || mute_) return;
    say(websocket::make_close(close_code_, failure_));
    mute_ = true;
    if (closing_us_ == 0) closing_us_ = now();
}

bool WebsocketTunnel::client_may_send() const {
    return !last_ && no_room_us_ == 0 && upstream_.unsent() <= max_unsent;
}

// False: the connection is over.
asio::awaitable<bool> WebsocketTunnel::take_from_client() {
    if (!has_room() || !client_may_send()) co_return true;
    if (!session_.input().empty()) {
        client_.heard_us = now();
        if (from_client_.empty()) {
            from_client_ = session_.take_input();
        } else {
            from_client_ += session_.take_input();
        }
    }
    std::size_t at = 0;
    while (at < from_client_.size() && client_may_send()) {
        const auto step = client_frames_.feed(std::string_view(from_client_).substr(at));
        at += step.consumed;
        if (step.kind == FrameKind::bad) {
            failure_ = std::string("the client's WebSocket framing is broken: ") + step.error;
            close_code_ = step.close_code;
            co_return false;
        }
        if (step.kind == FrameKind::message) {
            if (!co_await client_message(step)) co_return false;
        } else if (step.kind != FrameKind::none) {
            client_control(step);
        } else if (client_frames_.inside_message() && client_frames_.message_size() > gate_.max_message()) {
            Verdict verdict = co_await gate_.client_message({}, client_frames_.message_size(), false);
            obey(std::move(verdict));
            break;
        }
        if (!has_room() || (step.kind == FrameKind::none && step.consumed == 0)) break;
    }
    from_client_.erase(0, at);
    if (from_client_.empty()) release(from_client_);
    co_return true;
}

asio::awaitable<bool> WebsocketTunnel::client_message(const websocket::Step& step) {
    const auto* before = upstream_.provider().get();
    const bool replaceable = kept_.empty() && !server_frames_.inside_payload() && !server_frames_.inside_message();
    const bool idle = gate_.idle();
    Verdict verdict = co_await gate_.client_message(step.payload, step.size, replaceable);
    if (idle) vendor_message_us_ = now();
    if (upstream_.provider().get() != before || upstream_.exchange().connection() == nullptr) forget_upstream();
    if (verdict.what != Verdict::What::pass) {
        obey(std::move(verdict));
        co_return !session_.client_gone();
    }
    send_upstream(masked(step.opcode, verdict.text.empty() ? step.payload : std::string_view(verdict.text)));
    if (std::string first = upstream_.take_after_head(); !first.empty()) co_return co_await take_from_upstream(first);
    co_return true;
}

// What was read of the vendor that was connected before.
void WebsocketTunnel::forget_upstream() {
    server_frames_ = websocket::FrameReader(websocket::Sender::server, max_vendor_message, digest_.get());
    kept_.clear();
    vendor_ = Peer();
    vendor_.heard_us = vendor_.sent_us = vendor_message_us_ = now();
}

void WebsocketTunnel::client_control(const websocket::Step& step) {
    const bool alone = !upstream_.provider();
    switch (step.kind) {
        case FrameKind::ping:
            if (alone) {
                say(websocket::make_frame(websocket::Opcode::pong, step.payload));
            } else {
                send_upstream(masked(websocket::Opcode::ping, step.payload));
            }
            break;
        case FrameKind::pong:
            if (!alone && step.payload != ping_tag_) send_upstream(masked(websocket::Opcode::pong, step.payload));
            break;
        case FrameKind::close: {
            constexpr std::uint16_t no_code = 1005;
            const bool coded = step.close_code != no_code;
            if (alone) {
                over_ = true;
            } else {
                send_upstream(coded ? websocket::make_close(step.close_code, step.payload, websocket::random_mask())
                                    : masked(websocket::Opcode::close, {}));
            }
            client_closed_ = true;
            closing_us_ = now();
            break;
        }
        default: break;
    }
}

asio::awaitable<Verdict> WebsocketTunnel::server_message(const websocket::Step& step) {
    vendor_message_us_ = now();
    std::string digest;
    if (!step.readable) digest = digest_->take();
    const std::string_view text = step.readable ? step.payload : std::string_view(digest);
    Verdict verdict;
    if (!gate_.passes(text, step.size)) verdict = co_await gate_.server_message(text, step.size);
    co_return verdict;
}

void WebsocketTunnel::pass_on(std::string_view bytes) {
    if (!mute_) send_client(bytes);
}

// False: the connection is over.
asio::awaitable<bool> WebsocketTunnel::take_from_upstream(std::string_view bytes) {
    std::size_t at = kept_.size();
    const std::string data = std::exchange(kept_, std::string()).append(bytes);  // outlives a commit
    std::size_t sent = 0;
    while (at < data.size()) {
        const auto step = server_frames_.feed(std::string_view(data).substr(at));
        at += step.consumed;
        if (step.kind == FrameKind::bad) {
            failure_ = std::string("the upstream's WebSocket framing is broken: ") + step.error;
            co_return false;
        }
        if (step.kind == FrameKind::none) break;
        if (step.kind == FrameKind::message) {
            Verdict verdict = co_await server_message(step);
            if (session_.client_gone()) co_return false;
            pass_on(std::string_view(data).substr(sent, at - sent));
            sent = at;
            obey(std::move(verdict));
        } else if (step.kind == FrameKind::pong && step.payload == ping_tag_) {
            // It may have come in two pieces: what was kept of it is in front.
            pass_on(std::string_view(data).substr(sent, at - control_size(step) - sent));
            sent = at;
        } else if (step.kind == FrameKind::close) {
            vendor_closed_ = true;
            if (closing_us_ == 0) closing_us_ = now();
        }
    }
    const std::size_t whole = vendor_closed_ ? at : data.size() - server_frames_.unfinished();
    pass_on(std::string_view(data).substr(sent, whole - sent));
    kept_ = data.substr(whole);
    if (!later_.empty() && !server_frames_.inside_payload() && !server_frames_.inside_message())
        pass_on(std::exchange(later_, std::string()));
    co_return !session_.client_gone();
}

// Passes frames both ways until one side is gone. True: the client left.
asio::awaitable<bool> WebsocketTunnel::pass() {
    for (;;) {
        if (!co_await take_from_client()) co_return session_.client_gone();
        if (session_.client_gone()) co_return true;
        if (over_ || (last_ && gate_.idle())) co_return false;
        if (session_.shard.draining() && !last_) {
            last_ = true;
            close_code_ = going_away;
            failure_ = "the server is stopping";
            continue;
        }
        const bool connected = upstream_.provider() != nullptr;
        ping();
        if (connected && !upstream_.push()) co_return false;
        if (upstream_.unsent() == 0 && !client_frames_.inside_message()) room_.release();
        if (client_may_send() && !from_client_.empty()) continue;
        watch();
        if (overdue()) co_return false;
        const bool taken = session_.flush_soon();
        if (connected && taken) upstream_.exchange().connection()->arm();
        session_.arm_read();
        const bool readable = connected && taken && upstream_.exchange().readable();
        if (!readable && !(client_may_send() && !session_.input().empty())) co_await session_.signal.wait();
        if (session_.client_gone()) co_return true;
        if (!connected || !session_.flushed() || !upstream_.exchange().readable()) continue;
        auto& scratch = session_.shard.scratch;
        const IoResult result = upstream_.exchange().read();
        if (result.state == Io::again) continue;
        if (result.state != Io::ok) co_return false;
        if (result.bytes == scratch.size()) upstream_.exchange().connection()->readable = true;
        vendor_.heard_us = now();
        if (!co_await take_from_upstream(std::string_view(scratch.data(), result.bytes)))
            co_return session_.client_gone();
    }
}

asio::awaitable<void> WebsocketTunnel::finish(bool client_left) {
    const End how = client_left      ? End::client_gone
                    : over_          ? End::error
                    : client_closed_ ? End::client_gone
                                     : End::upstream_cut;
    if (upstream_.exchange().connection() != nullptr) {
        if (!client_left && !client_closed_)
            send_upstream(websocket::make_close(going_away, {}, websocket::random_mask()));
        (void)upstream_.push();
    }
    upstream_.drop();
    co_await gate_.end(how, failure_);
    if (client_left || vendor_closed_ || mute_) co_return;
    if (server_frames_.inside_payload() || server_frames_.inside_message()) co_return;
    send_client(later_);
    const std::string reason = client_closed_ || !failure_.empty() ? failure_ : "the upstream closed the connection";
    send_client(websocket::make_close(client_closed_ ? normal_closure : close_code_, reason));
    (void)co_await session_.flush();
}

asio::awaitable<void> WebsocketTunnel::begin(std::string head, std::string after_head) {
    session_.end_keep_alive();
    session_.set_deadline(0);
    session_.set_keepalive(0);
    send_client(head);
    client_.heard_us = client_.sent_us = now();
    forget_upstream();
    bool good = true;
    if (!after_head.empty()) good = co_await take_from_upstream(after_head);
    bool client_left = session_.client_gone();
    if (good) client_left = co_await pass();
    co_await finish(client_left);
}

asio::awaitable<void> WebsocketTunnel::run() {
    gate_.opened();
    std::string head =
        switching_head(upstream_.exchange().head, request_.trace_id, request_.snapshot->settings.headers.from_vendors);
    if (upstream_.exchange().head.find("sec-websocket-protocol") == nullptr) {
        // A browser that offered some ends the connection where none is taken; the vendor did not see the key's.
        if (const auto taken = protocol_for_client(request_.head.value("sec-websocket-protocol")); !taken.empty())
            head.insert(head.size() - 2, "Sec-WebSocket-Protocol: " + std::string(taken) + "\r\n");
    }
    std::string after_head = upstream_.take_after_head();
    co_await begin(std::move(head), std::move(after_head));
}

asio::awaitable<void> WebsocketTunnel::run_alone() {
    const std::string accept = websocket::accept_value(request_.head.value("sec-websocket-key"));
    std::string fields = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + accept + "\r\n";
    if (const auto taken = protocol_for_client(request_.head.value("sec-websocket-protocol")); !taken.empty())
        fields.append("Sec-WebSocket-Protocol: ").append(taken).append("\r\n");
    std::string head = local_head(101, {}, std::nullopt, true, &request_.trace_id, fields);
    co_await begin(std::move(head), std::string());
}

}  // namespace lurus::gateway
