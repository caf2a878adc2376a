#pragma once
// A WebSocket between a client and its vendor. The vendor's frames pass untouched and are read along; the client's
// messages go on whole, once the gate lets them. Both directions run at once: a peer that is slow to take what it is
// sent holds up only those who send to it. Pings keep both ends alive and tell whether they are. The session's; its
// shard's thread.

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/http/websocket_frames.hpp"
#include "modules/gateway/attempt/websocket_digest.hpp"
#include "modules/gateway/attempt/websocket_gate.hpp"
#include "modules/gateway/attempt/websocket_upstream.hpp"
#include "modules/gateway/server/body_budget.hpp"
#include "modules/gateway/session/session.hpp"

namespace lurus::gateway {

class WebsocketTunnel {
public:
    WebsocketTunnel(Session& session, Request& request, WebsocketUpstream& upstream);

    /// The upstream switched protocols, and so does the client. Returns when one of them is gone.
    boost::asio::awaitable<void> run();
    /// The client's handshake is good, and nobody knows yet which vendor its first message is for.
    boost::asio::awaitable<void> run_alone();

private:
    /// What was heard of one end, in monotonic microseconds.
    struct Peer {
        std::int64_t heard_us = 0;   // it sent or took something
        std::int64_t sent_us = 0;    // it was sent something
        std::int64_t pinged_us = 0;  // and that was a ping
        std::size_t unsent = 0;      // when it was last looked at
    };

    boost::asio::awaitable<void> begin(std::string head, std::string after_head);
    boost::asio::awaitable<bool> pass();
    boost::asio::awaitable<void> finish(bool client_left);

    // --- from the client ---
    boost::asio::awaitable<bool> take_from_client();
    boost::asio::awaitable<bool> client_message(const websocket::Step& step);
    void client_control(const websocket::Step& step);
    [[nodiscard]] bool client_may_send() const;
    bool has_room();

    // --- from the vendor ---
    boost::asio::awaitable<bool> take_from_upstream(std::string_view bytes);
    boost::asio::awaitable<Verdict> server_message(const websocket::Step& step);
    void pass_on(std::string_view bytes);
    void forget_upstream();

    // --- to both ---
    void send_client(std::string_view bytes);
    void send_upstream(std::string frame);
    /// A frame of our own to the client, when none of the vendor's messages is in the middle.
    void say(std::string frame);
    void obey(Verdict verdict);

    // --- time ---
    void ping();
    void watch();
    bool overdue();
    [[nodiscard]] std::int64_t now() const { return session_.shard.clock.monotonic_us(); }
    [[nodiscard]] int idle_ms() const;
    [[nodiscard]] int client_patience_ms() const;

    Session& session_;
    Request& request_;
    WebsocketUpstream& upstream_;
    WebsocketGate gate_;
    std::unique_ptr<MessageDigest> digest_;
    const std::string ping_tag_;
    websocket::FrameReader client_frames_;
    websocket::FrameReader server_frames_;
    std::string from_client_;  // not read yet
    std::string kept_;         // from the vendor: a frame's beginning, until it is known which
    std::string later_;        // own frames that wait for the end of the vendor's message
    Peer client_, vendor_;
    std::int64_t vendor_message_us_ = 0;
    BodyRoom room_;                      // what the client's message takes of the memory for bodies
    std::int64_t message_begun_us_ = 0;  // when it took the first of it
    std::int64_t no_room_us_ = 0;        // since when there is none for more of it
    std::int64_t closing_us_ = 0;        // a close was passed on then
    bool vendor_closed_ = false;         // it sent its close
    bool client_closed_ = false;
    bool last_ = false;  // the client is not read any more
    bool mute_ = false;  // and it was sent its close: nothing more goes to it
    bool over_ = false;
    std::string failure_;              // why we end it; empty = others do
    std::uint16_t close_code_ = 1011;  // an internal error
};

}  // namespace lurus::gateway
