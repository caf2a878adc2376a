// The tunnel's time and memory: when its ends get pings, when they are gone, and what their messages may take.

#include <algorithm>
#include <limits>

#include "modules/gateway/attempt/websocket_tunnel.hpp"
#include "modules/gateway/server/services.hpp"

namespace lurus::gateway {

namespace {

constexpr std::uint64_t uncounted = 64 * 1024;  // of a message, which takes no room
constexpr std::uint64_t copies = 2;             // of a message: as it was read, and as it goes on
constexpr std::int64_t room_look_us = 100'000;
constexpr std::uint16_t try_again_later_code = 1013;
constexpr std::int64_t closing_us = 10'000'000;  // for the other end to close, too
constexpr int rest_ms = 300'000;                 // of a client that no vendor is there for yet

}  // namespace

// Large messages take room of what all bodies share, as they are announced, until the vendor has them. Where there is
// none, the client is not read until there is.
bool WebsocketTunnel::has_room() {
    BodyBudget& budget = session_.services().bodies();
    if (!client_frames_.inside_message()) {
        no_room_us_ = 0;
        return true;
    }
    const std::uint64_t size = client_frames_.message_size();
    if (size <= uncounted || size > gate_.max_message()) return true;
    const auto wanted = std::min(static_cast<std::int64_t>(size * copies), budget.capacity());
    const std::int64_t more = wanted - room_.bytes();
    if (more > 0 && !budget.try_take(more)) {
        if (no_room_us_ == 0) no_room_us_ = now();
        return false;
    }
    if (room_.bytes() == 0) message_begun_us_ = now();
    if (more > 0) room_.own(budget, more);
    no_room_us_ = 0;
    return true;
}

int WebsocketTunnel::idle_ms() const {
    return upstream_.provider() ? upstream_.provider()->idle_timeout_ms : rest_ms;
}

// A client that does not take what it has gets no pings, either.
int WebsocketTunnel::client_patience_ms() const {
    return session_.flushed() ? idle_ms() : request_.snapshot->settings.write_timeout_ms;
}

// An end that has been silent, or was not sent anything, for the heartbeat's interval gets a ping.
void WebsocketTunnel::ping() {
    const std::int64_t interval = std::int64_t{request_.snapshot->settings.heartbeat_ms} * 1000;
    if (interval == 0 || closing_us_ != 0) return;
    const std::int64_t at = now();
    const auto due = [&](Peer& peer) {
        if (at < std::max(std::min(peer.heard_us, peer.sent_us), peer.pinged_us) + interval) return false;
        peer.pinged_us = at;
        return true;
    };
    if (due(client_) && session_.flushed() && !server_frames_.inside_payload())
        send_client(websocket::make_frame(websocket::Opcode::ping, ping_tag_));
    if (upstream_.provider() && due(vendor_) && upstream_.unsent() == 0)
        send_upstream(websocket::make_frame(websocket::Opcode::ping, ping_tag_, websocket::random_mask()));
}

// Who is not heard of although pinged, or owes an answer, for too long.
bool WebsocketTunnel::overdue() {
    const std::int64_t at = now();
    const auto silent = [&](std::int64_t since, int ms, const char* who) {
        if (ms == 0 || at - since < std::int64_t{ms} * 1000) return false;
        failure_ = std::string(who) + " was silent for " + std::to_string(ms) + " ms";
        return true;
    };
    if (closing_us_ != 0) return at - closing_us_ >= closing_us;
    const GatewaySettings& settings = request_.snapshot->settings;
    const bool no_room = no_room_us_ != 0 && at - no_room_us_ >= std::int64_t{settings.body_wait_ms} * 1000;
    const bool too_slow = room_.bytes() > 0 && client_frames_.inside_message() &&
                          at - message_begun_us_ >= std::int64_t{settings.body_timeout_ms} * 1000 &&
                          session_.services().bodies().wanted();
    if (no_room || too_slow) {
        failure_ = no_room ? "there is no memory free for a message of this size (server.body_memory)"
                           : "the message comes too slowly, and others wait for its memory (server.body_memory)";
        close_code_ = try_again_later_code;
        return true;
    }
    const bool vendor = upstream_.provider() != nullptr;
    return (vendor && silent(vendor_message_us_, gate_.patience_ms(), "the connection")) ||
           (vendor && silent(vendor_.heard_us, idle_ms(), "the upstream")) ||
           silent(client_.heard_us, client_patience_ms(), "the client");
}

// Looks at what the ends took, and sets the moment at which there is something to do though nothing happens.
void WebsocketTunnel::watch() {
    const std::int64_t at = now();
    const auto took = [&](Peer& peer, std::size_t unsent) {
        if (unsent < peer.unsent) peer.heard_us = at;
        peer.unsent = unsent;
    };
    took(client_, session_.unsent());
    took(vendor_, upstream_.unsent());
    // An end that is not read cannot be heard.
    if (!client_may_send()) client_.heard_us = at;
    if (!session_.flushed()) vendor_.heard_us = vendor_message_us_ = at;
    if (gate_.idle()) vendor_message_us_ = at;
    std::int64_t due = std::numeric_limits<std::int64_t>::max();
    const auto by = [&](std::int64_t since, std::int64_t ms) {
        if (ms > 0) due = std::min(due, since + ms * 1000);
    };
    if (closing_us_ != 0) {
        due = closing_us_ + closing_us;
    } else if (no_room_us_ != 0) {
        due = at + room_look_us;
    } else {
        const int interval = request_.snapshot->settings.heartbeat_ms;
        by(std::max(std::min(client_.heard_us, client_.sent_us), client_.pinged_us), interval);
        by(client_.heard_us, client_patience_ms());
        if (upstream_.provider()) {
            by(std::max(std::min(vendor_.heard_us, vendor_.sent_us), vendor_.pinged_us), interval);
            by(vendor_.heard_us, idle_ms());
            by(vendor_message_us_, gate_.patience_ms());
        }
    }
    session_.set_deadline(static_cast<int>(std::clamp<std::int64_t>((due - at) / 1000, 1, 3'600'000)));
}

}  // namespace lurus::gateway
