#pragma once
// A listening socket, waited for in its io_context's Readiness. Each client costs one system call: it comes
// non-blocking, with its address, and with the socket options that it inherits.

#include <boost/asio/io_context.hpp>
#include <boost/system/error_code.hpp>
#include <optional>
#include <utility>

#include "core/io/readiness.hpp"
#include "lurus/ip_address.hpp"

namespace lurus {

/// A connected, non-blocking socket before it has a Channel; closed unless that takes it.
class AcceptedSocket {
public:
    AcceptedSocket() = default;
    AcceptedSocket(int descriptor, std::optional<IpAddress> peer) : descriptor_(descriptor), peer_(peer) {}
    AcceptedSocket(AcceptedSocket&& other) noexcept
        : descriptor_(std::exchange(other.descriptor_, -1)), peer_(other.peer_) {}
    AcceptedSocket& operator=(AcceptedSocket&&) = delete;
    ~AcceptedSocket();

    [[nodiscard]] int release() { return std::exchange(descriptor_, -1); }
    /// Empty for a Unix socket.
    [[nodiscard]] const std::optional<IpAddress>& peer() const { return peer_; }

private:
    int descriptor_ = -1;
    std::optional<IpAddress> peer_;
};

/// One thread at a time, and where it waits, its io_context's.
class ListeningSocket {
public:
    /// Takes over a descriptor that listens.
    ListeningSocket(boost::asio::io_context& io, int descriptor);
    ~ListeningSocket() { close(); }
    ListeningSocket(const ListeningSocket&) = delete;
    ListeningSocket& operator=(const ListeningSocket&) = delete;

    /// The client that has waited longest. `would_block` when there is none; another error when none can be taken now,
    /// as when the process has no descriptor left.
    AcceptedSocket accept(boost::system::error_code& ec);
    /// Calls back once, never from inside this call.
    void when_readable(Watch::Callback callback) { watch_.when_readable(std::move(callback)); }
    /// Clients are refused from now on; a pending callback gets `operation_aborted`.
    void close();

private:
    int descriptor_;
    Watch watch_;
};

}  // namespace lurus
