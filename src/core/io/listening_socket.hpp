#pragma once
// A listening socket, waited for in its io_context's Readiness. On Linux each client costs one system call: it comes
// non-blocking, with its address, and with the socket options that it inherits.

#include <boost/asio/io_context.hpp>
#include <boost/system/error_code.hpp>
#include <memory>
#include <optional>
#include <utility>

#include "core/io/readiness.hpp"
#include "core/io/stream_socket.hpp"
#include "lurus/ip_address.hpp"

namespace lurus {

/// A client's socket.
class AcceptedSocket : public StreamSocket {
public:
    AcceptedSocket() = default;
    AcceptedSocket(int descriptor, const boost::asio::generic::stream_protocol::endpoint& peer);

    /// Empty for a Unix socket.
    [[nodiscard]] const std::optional<IpAddress>& peer() const { return peer_; }

private:
    std::optional<IpAddress> peer_;
};

/// One thread at a time, and where it waits, its io_context's.
class ListeningSocket {
public:
    using Endpoint = boost::asio::generic::stream_protocol::endpoint;

    /// Binds and listens: at a port that nobody else has or can take, IPv6 without IPv4. Clients come without delay.
    static std::unique_ptr<ListeningSocket> open(boost::asio::io_context& io, const Endpoint& at,
                                                 boost::system::error_code& ec);
    ~ListeningSocket() { close(); }
    ListeningSocket(const ListeningSocket&) = delete;
    ListeningSocket& operator=(const ListeningSocket&) = delete;

    /// As bound.
    [[nodiscard]] Endpoint endpoint() const;
    /// The client that has waited longest. `would_block` when there is none; another error when none can be taken now,
    /// as when the process has no descriptor left.
    AcceptedSocket accept(boost::system::error_code& ec);
    /// Calls back once, never from inside this call.
    void when_readable(Watch::Callback callback) { watch_.when_readable(std::move(callback)); }
    /// Clients are refused from now on; a pending callback gets `operation_aborted`.
    void close();

private:
    ListeningSocket(boost::asio::io_context& io, StreamSocket socket)
        : socket_(std::move(socket)), watch_(Readiness::of(io), socket_.descriptor()) {}
    static StreamSocket listen(const Endpoint& at, boost::system::error_code& ec);

    StreamSocket socket_;
    Watch watch_;
};

}  // namespace lurus
