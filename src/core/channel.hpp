#pragma once
// A non-blocking byte stream over one socket (TCP or Unix), plain or TLS, used by readiness: try, and where it would
// block, ask to be told. That keeps no buffer per idle connection. One shard's thread.

#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <cstddef>
#include <span>
#include <string>
#include <utility>

#include "core/tls.hpp"

namespace lurus {

enum class Io : std::uint8_t { ok, again, eof, error };

struct IoResult {
    Io state = Io::ok;
    std::size_t bytes = 0;
};

class Channel {
public:
    using Socket = boost::asio::generic::stream_protocol::socket;

    /// Takes a connected (or, for a client, an open) socket and makes it non-blocking.
    explicit Channel(Socket socket);

    void use_tls(SslPtr tls);
    [[nodiscard]] bool is_tls() const { return tls_ != nullptr; }
    /// `again` until the handshake is done; wait for readability, or writability when `wants_write`.
    Io handshake();
    [[nodiscard]] bool wants_write() const { return wants_write_; }

    IoResult read(std::span<char> into);
    /// Writes what the socket takes now; `bytes` may be less than asked for.
    IoResult write(std::span<const boost::asio::const_buffer> from);

    /// Calls `callback(error_code)` once, never from inside this call.
    template <class Callback>
    void when_readable(Callback&& callback) {
        if (tls_ && SSL_pending(tls_.get()) > 0) {
            boost::asio::post(socket_.get_executor(),
                              [c = std::forward<Callback>(callback)]() mutable { c(boost::system::error_code()); });
            return;
        }
        socket_.async_wait(Socket::wait_read, std::forward<Callback>(callback));
    }
    template <class Callback>
    void when_writable(Callback&& callback) {
        socket_.async_wait(Socket::wait_write, std::forward<Callback>(callback));
    }

    Socket& socket() { return socket_; }
    /// The peer's IP address in text; empty for a Unix socket and when it has left.
    [[nodiscard]] std::string remote_address() const;
    [[nodiscard]] SSL* tls() const { return tls_.get(); }
    [[nodiscard]] bool is_open() const { return socket_.is_open(); }
    /// Pending callbacks get `operation_aborted`. TLS sends its close_notify if the socket takes it.
    void close();
    /// Closes with a reset, so that the peer cannot take a cut body for a whole one.
    void abort();
    /// The last error of `read`, `write` or `handshake` in words.
    [[nodiscard]] const std::string& error() const { return error_; }

private:
    Io tls_outcome(int result);
    IoResult tls_write(std::span<const boost::asio::const_buffer> from);

    Socket socket_;
    SslPtr tls_;
    bool wants_write_ = false;
    std::string error_;
};

}  // namespace lurus
