#pragma once
// A connected, non-blocking socket before it has a Channel, and how one comes to be without a client.
// A descriptor is an int on every system: Windows' handles of sockets have 32 bits that count, as OpenSSL assumes too.

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/system/error_code.hpp>
#include <utility>

#include "core/io/readiness.hpp"

namespace lurus {

struct LocalPair;

/// Closed unless somebody takes it.
class StreamSocket {
public:
    StreamSocket() = default;
    explicit StreamSocket(int descriptor) : descriptor_(descriptor) {}
    StreamSocket(StreamSocket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
    StreamSocket& operator=(StreamSocket&& other) noexcept {
        std::swap(descriptor_, other.descriptor_);
        return *this;
    }
    ~StreamSocket();

    [[nodiscard]] int descriptor() const { return descriptor_; }
    [[nodiscard]] int release() { return std::exchange(descriptor_, -1); }

private:
    int descriptor_ = -1;
};

/// A socket that connects: TCP without delay, or Unix. The io_context's thread.
class Connecting {
public:
    using Endpoint = boost::asio::generic::stream_protocol::endpoint;

    Connecting(boost::asio::io_context& io, const Endpoint& peer)
        : socket_(begin(peer, failure_)), watch_(Readiness::of(io), socket_.descriptor()) {}
    Connecting(const Connecting&) = delete;
    Connecting& operator=(const Connecting&) = delete;

    /// Calls back once, never from inside this call: with why it failed, or `operation_aborted` when this ends before.
    void when_connected(Watch::Callback callback);
    /// When it is connected.
    StreamSocket take();

private:
    friend struct LocalPair;
    static StreamSocket begin(const Endpoint& peer, boost::system::error_code& failure);
    static bool is_on_this_machine(const Endpoint& peer);
    [[nodiscard]] boost::system::error_code outcome() const;

    boost::system::error_code failure_;  // why it could not begin
    StreamSocket socket_;
    Watch watch_;
};

/// Two ends within this process. Throws system_error where the system has none to give.
struct LocalPair {
    explicit LocalPair(boost::asio::io_context& io);
    StreamSocket ours;
    boost::asio::generic::stream_protocol::socket theirs;
};

}  // namespace lurus
