#pragma once
// A client's connection: reads ahead, writes with backpressure, and wakes its one waiter for whatever happens. Lives as
// long as its coroutine or a pending callback. Its shard's thread only; nothing here blocks, and only flush(), send(),
// more_input(), handshake() and linger() wait.

#include <algorithm>
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "core/io/channel.hpp"
#include "core/io/listening_socket.hpp"
#include "core/io/signal.hpp"
#include "modules/gateway/server/shard.hpp"

namespace lurus::gateway {

class ClientConnection : public std::enable_shared_from_this<ClientConnection>, private TurnWriter {
public:
    ClientConnection(Shard& shard, AcceptedSocket socket, SslPtr tls);
    virtual ~ClientConnection();
    ClientConnection(const ClientConnection&) = delete;
    ClientConnection& operator=(const ClientConnection&) = delete;

    Shard& shard;
    Signal signal;  // notified on every change below and by whatever the request waits for

    // --- from the shard ---
    /// Monotonic microseconds; what changes it tells the shard.
    [[nodiscard]] std::int64_t due_us() const { return std::min(deadline_us_, keepalive_us_); }
    void on_due(std::int64_t now_us);
    void on_drain();
    /// Ends now; the coroutine sees the client as gone.
    void on_stop();

    // --- what happened ---
    [[nodiscard]] bool client_gone() const { return gone_; }
    [[nodiscard]] bool timed_out() const { return timed_out_; }
    [[nodiscard]] bool keepalive_due() const { return keepalive_due_; }
    /// Milliseconds from now; 0 = none.
    void set_deadline(int ms);
    void set_keepalive(int ms);
    /// Both, by one look at the clock.
    void set_deadline_and_keepalive(int deadline_ms, int keepalive_ms);

    // --- writing ---
    /// Takes the bytes: small ones leave when the shard's turn ends, or before as `pace` says, others now, as far as
    /// the client takes them. False when the client is gone.
    bool send_now(std::span<const boost::asio::const_buffer> buffers, TurnWrites::Pace pace = TurnWrites::Pace::turn);
    [[nodiscard]] bool flushed() const { return unsent_.empty(); }
    /// Bytes that it was given and has not taken.
    [[nodiscard]] std::size_t unsent() const { return unsent_.size(); }
    /// True when it took all of them; else the waiter is woken when it takes more. Does not wait, and has no timeout.
    bool flush_soon();
    /// Returns when the client took what it was given so far (what waits for the turn's end counts as taken), or false
    /// when the client is gone or takes nothing for the write timeout.
    boost::asio::awaitable<bool> flush();
    boost::asio::awaitable<bool> send(std::string bytes);
    /// The same of an answer before the answer (1xx).
    boost::asio::awaitable<bool> send_interim(std::string bytes);

    // --- reading ---
    /// Bytes that no request has taken yet.
    [[nodiscard]] std::string& input() { return in_; }
    std::string take_input() { return std::exchange(in_, std::string()); }
    /// The request needs that many bytes of input; reading pauses beyond. 0: as many as are read ahead.
    void want_input(std::size_t bytes) { input_wanted_ = bytes; }
    /// Sees the client leave, and reads ahead.
    void arm_read();
    /// False when the client is gone or the deadline over. Throws when there was no memory for what came.
    boost::asio::awaitable<bool> more_input();
    /// Between two requests: a drain may end the connection.
    void set_idle(bool idle) { idle_ = idle; }

    // --- how it ends ---
    [[nodiscard]] bool keep_alive() const { return keep_alive_; }
    void end_keep_alive() { keep_alive_ = false; }
    /// Ends the connection so that the client cannot take what it has for whole.
    void abort();
    /// After an answer that left a part of the request unread, a close would reset the connection and the client might
    /// lose the answer. So our side is shut, and what still comes is dropped for a while.
    boost::asio::awaitable<void> linger();

    [[nodiscard]] const std::optional<IpAddress>& peer() const { return peer_; }

protected:
    [[nodiscard]] bool is_tls() const { return channel_.is_tls(); }
    /// After a client that spoke plain HTTP the connection goes on without TLS.
    boost::asio::awaitable<bool> handshake();
    void close();
    /// Bytes that were given to be sent, but for interim answers.
    [[nodiscard]] std::uint64_t bytes_sent() const { return sent_; }

    const std::optional<IpAddress> peer_;
    bool gone_ = false;
    bool keep_alive_ = true;
    bool timed_out_ = false;

private:
    void on_readable(const boost::system::error_code& ec);
    IoResult read_some();
    void on_sent(Io state, std::string_view rest) override;
    void arm_write();
    void client_left();

    static constexpr std::int64_t never = Shard::never;

    Channel channel_;
    std::string in_;
    std::string unsent_;  // bytes that the socket did not take yet
    std::size_t input_wanted_ = 0;
    std::uint64_t sent_ = 0;
    std::size_t dropped_ = 0;  // of what came while `dropping_`
    bool dropping_ = false;
    bool no_memory_ = false;  // for what came
    bool armed_ = false;
    bool write_armed_ = false;
    bool written_ = false;  // some of `unsent_`, since flush() last looked
    bool idle_ = true;
    bool keepalive_due_ = false;
    std::int64_t deadline_us_ = never;
    std::int64_t keepalive_us_ = never;
};

}  // namespace lurus::gateway
