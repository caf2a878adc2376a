#pragma once
// A non-blocking byte stream over one socket (TCP or Unix), plain or TLS, used by readiness: try, and where it would
// block, ask to be told. That keeps no buffer per idle connection. One shard's thread.

#include <array>
#include <boost/asio/buffer.hpp>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "core/io/readiness.hpp"
#include "core/io/stream_socket.hpp"
#include "core/io/tls.hpp"

namespace lurus {

enum class Io : std::uint8_t { ok, again, eof, error };

struct IoResult {
    Io state = Io::ok;
    std::size_t bytes = 0;
};

class Channel {
public:
    Channel(boost::asio::io_context& io, StreamSocket socket)
        : descriptor_(socket.release()), watch_(Readiness::of(io), descriptor_) {}
    ~Channel() { close_descriptor(); }
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;

    void use_tls(SslPtr tls);
    /// Goes on without it: what OpenSSL had read is lost.
    void end_tls();
    [[nodiscard]] bool is_tls() const { return tls_ != nullptr; }
    /// `again` until the handshake is done; wait for readability, or writability when `wants_write`.
    Io handshake();
    [[nodiscard]] bool wants_write() const { return wants_write_; }
    /// Why `handshake` ended otherwise than well.
    [[nodiscard]] HandshakeFailure handshake_failed() const { return failure_; }

    IoResult read(std::span<char> into);
    /// Writes what the socket takes now; `bytes` may be less than asked for.
    IoResult write(std::span<const boost::asio::const_buffer> from);

    /// Calls back once, never from inside this call.
    void when_readable(Watch::Callback callback);
    void when_writable(Watch::Callback callback) { watch_.when_writable(std::move(callback)); }
    /// A write that went past this channel found the socket full.
    void filled() { watch_.filled(); }

    [[nodiscard]] int descriptor() const { return descriptor_; }
    [[nodiscard]] SSL* tls() const { return tls_.get(); }
    [[nodiscard]] bool is_open() const { return descriptor_ >= 0; }
    /// The peer reads the end; reading goes on.
    void shutdown_write();
    /// Pending callbacks get `operation_aborted`. TLS sends its close_notify if the socket takes it.
    void close();
    /// Closes with a reset, so that the peer cannot take a cut body for a whole one.
    void abort();
    /// The last error of `read`, `write` or `handshake` in words.
    [[nodiscard]] const std::string& error() const { return error_; }

private:
    struct TlsSocket;

    Io tls_outcome(int result);
    void keep_beginning(std::string_view bytes);
    IoResult read_plain(std::span<char> into);
    IoResult write_plain(std::span<const boost::asio::const_buffer> from);
    IoResult failed();
    IoResult tls_write(std::span<const boost::asio::const_buffer> from);

    void close_descriptor();

    int descriptor_ = -1;
    Watch watch_;
    SslPtr tls_;
    bool wants_write_ = false;
    bool starved_ = false;  // TLS cannot go on before the socket has more
    bool ended_ = false;    // TLS read the socket's end
    HandshakeFailure failure_ = HandshakeFailure::none;
    std::array<char, 8> began_{};  // the first bytes that TLS read
    std::uint8_t began_size_ = 0;
    std::string error_;
};

}  // namespace lurus
