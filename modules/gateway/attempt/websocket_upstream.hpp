#pragma once
// The vendor's end of a WebSocket: the handshake with it, and what is on its way there. One session's; its shard's
// thread.

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "modules/gateway/attempt/attempt_loop.hpp"
#include "modules/gateway/attempt/exchange.hpp"
#include "modules/gateway/session/session.hpp"

namespace lurus::gateway {

class WebsocketUpstream {
public:
    WebsocketUpstream(Session& session, Request& request)
        : session_(session), request_(request), exchange_(session.shard) {}

    /// Asks the attempt's target. True: it switched protocols. False with a connection: it refused in a way that the
    /// client may be told, and its answer's body is still to be read.
    boost::asio::awaitable<bool> open(AttemptLoop& attempts);
    /// Null: there is none, not yet or not any more.
    [[nodiscard]] const std::shared_ptr<const Provider>& provider() const { return provider_; }
    /// The last one that there was, by whose prices an answer is counted that ends with the connection.
    [[nodiscard]] const std::shared_ptr<const Provider>& last_provider() const { return last_provider_; }
    [[nodiscard]] Exchange& exchange() { return exchange_; }
    /// What came behind the head of its answer.
    std::string take_after_head() { return std::exchange(after_head_, std::string()); }

    void write(std::string bytes);
    [[nodiscard]] std::size_t unsent() const { return unsent_.size() - sent_; }
    /// Writes what the vendor takes now; the session is woken when it takes more. False: it takes no more.
    bool push();
    void drop();

private:
    boost::asio::awaitable<bool> read_head();
    [[nodiscard]] std::string wrong_handshake() const;

    Session& session_;
    Request& request_;
    Exchange exchange_;
    std::shared_ptr<const Provider> provider_, last_provider_;
    std::string unsent_;
    std::size_t sent_ = 0;  // of `unsent_`
    std::shared_ptr<bool> write_armed_ = std::make_shared<bool>(false);
    std::string after_head_;
    std::string failure_;  // of the attempt
};

}  // namespace lurus::gateway
