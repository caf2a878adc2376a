#pragma once
// A WebSocket between a client and its vendor: frames pass untouched and are read along. Each response that the client
// asks for is admitted and recorded like a request; the message that ends it is released when its record is safe. The
// session's; its shard's thread.

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/http/websocket_frames.hpp"
#include "modules/gateway/answer/answer_reader.hpp"
#include "modules/gateway/attempt/attempt_loop.hpp"
#include "modules/gateway/attempt/exchange.hpp"
#include "modules/gateway/session/session.hpp"

namespace lurus::gateway {

class WebsocketTunnel {
public:
    WebsocketTunnel(Session& session, Request& request, Exchange& upstream)
        : session_(session), request_(request), upstream_(upstream) {}

    /// A new connection: these bytes go to the upstream first.
    void begin(std::string head) { to_upstream_ = std::move(head); }
    /// Writes what the upstream takes now; the session is woken when it takes more. False: it takes no more.
    bool push();
    /// The upstream switched protocols, and so does the client. Returns when one of them is gone.
    /// It is the last of these attempts', which outlive the call.
    boost::asio::awaitable<void> run(const AttemptLoop& attempts, std::string after_head);

private:
    bool take_from_client();
    bool may_begin(const RequestFacts& facts, std::size_t bytes);
    boost::asio::awaitable<bool> take_from_upstream(std::string_view bytes);
    bool server_message(std::string_view text);
    boost::asio::awaitable<bool> pass(int silence_ms);
    boost::asio::awaitable<void> record_response(End end, const std::string& error);
    std::int64_t now() const { return session_.shard.clock.monotonic_us(); }

    Session& session_;
    Request& request_;
    Exchange& upstream_;
    const AttemptLoop* attempts_ = nullptr;  // set while it runs
    websocket::FrameReader client_frames_{websocket::Sender::client};
    websocket::FrameReader server_frames_{websocket::Sender::server};
    std::optional<AnswerReader> reader_;
    std::string to_upstream_;
    std::shared_ptr<bool> write_armed_ = std::make_shared<bool>(false);
    std::int64_t response_started_us_ = 0;
    UnixMicros response_time_ = 0;
    std::optional<std::int64_t> first_byte_us_;
    std::int64_t response_in_ = 0;
    std::int64_t response_out_ = 0;
    int responses_ = 0;
    bool response_open_ = false;
    std::string failure_;
    std::string refusal_;              // a message for the client, before the close
    std::uint16_t close_code_ = 1011;  // an internal error
};

}  // namespace lurus::gateway
