// A channel's TLS: OpenSSL reads ahead, so what a wait means depends on what it holds.

#include <doctest/doctest.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <memory>
#include <string>
#include <utility>

#include "core/io/channel.hpp"
#include "core/io/tls.hpp"
#include "tests/bench/secure.hpp"

namespace lurus::test {
namespace {

namespace asio = boost::asio;

/// A server's channel, and a client whose bytes the test passes on itself.
class Peers {
public:
    Peers() {
        asio::local::stream_protocol::socket ours(io_), theirs(io_);
        asio::local::connect_pair(ours, theirs);
        channel = std::make_unique<Channel>(Channel::Socket(std::move(ours)));
        theirs.non_blocking(true);
        wire_ = theirs.release();
        SslPtr accepting(SSL_new(server_.get()));
        SSL_set_accept_state(accepting.get());
        channel->use_tls(std::move(accepting));
        SSL_set_connect_state(client_.get());
        SSL_set_bio(client_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    }
    ~Peers() {
        if (wire_ >= 0) ::close(wire_);
    }

    void send(std::string_view bytes) const {
        REQUIRE(::send(wire_, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
    }
    void hang_up() { ::close(std::exchange(wire_, -1)); }

    /// What the client has for the server.
    std::string take() {
        std::array<char, 8192> block{};
        const int n = BIO_read(SSL_get_wbio(client_.get()), block.data(), static_cast<int>(block.size()));
        return n > 0 ? std::string(block.data(), static_cast<std::size_t>(n)) : std::string();
    }
    std::string record(std::string_view text) {
        REQUIRE(SSL_write(client_.get(), text.data(), static_cast<int>(text.size())) > 0);
        return take();
    }
    std::string close_notify() {
        SSL_shutdown(client_.get());
        return take();
    }

    /// Up to the client's last message, which is returned and not sent.
    std::string shake_hands() {
        SSL_do_handshake(client_.get());
        send(take());
        REQUIRE(channel->handshake() == Io::again);
        std::array<char, 8192> block{};
        const ssize_t n = ::recv(wire_, block.data(), block.size(), 0);
        REQUIRE(n > 0);
        BIO_write(SSL_get_rbio(client_.get()), block.data(), static_cast<int>(n));
        REQUIRE(SSL_do_handshake(client_.get()) == 1);
        return take();
    }
    void be_connected() {
        send(shake_hands());
        REQUIRE(channel->handshake() == Io::ok);
        CHECK(channel->read(block_).state == Io::again);
    }

    /// Whether a wait ends by what is there.
    bool notified() {
        bool called = false;
        channel->when_readable([&](const boost::system::error_code& ec) { called = !ec; });
        io_.restart();
        io_.poll();
        const bool result = called;
        if (!called) {  // the next wait takes its place
            channel->when_readable([](const boost::system::error_code&) {});
        }
        return result;
    }
    std::string read() {
        const IoResult result = channel->read(block_);
        return result.state == Io::ok ? std::string(block_.data(), result.bytes) : std::string();
    }

private:
    asio::io_context io_;
    SslContextPtr server_ = bench::make_server_context();
    SslContextPtr client_context_ = *make_tls_client(false, {});
    SslPtr client_{SSL_new(client_context_.get())};
    int wire_ = -1;
    std::array<char, 64> block_{};

public:
    std::unique_ptr<Channel> channel;
};

}  // namespace

TEST_CASE("TLS: bytes that come with the handshake's last are told of") {
    Peers peers;
    const std::string finished = peers.shake_hands();
    peers.send(finished + peers.record("GET"));
    REQUIRE(peers.channel->handshake() == Io::ok);
    CHECK(peers.notified());
    CHECK(peers.read() == "GET");
}

TEST_CASE("TLS: a part of a record is waited with, and the rest is told of") {
    Peers peers;
    peers.be_connected();
    const std::string record = peers.record("hello");
    peers.send(record.substr(0, 9));
    CHECK(peers.notified());
    CHECK(peers.read().empty());
    CHECK_FALSE(peers.notified());
    peers.send(record.substr(9));
    CHECK(peers.notified());
    CHECK(peers.read() == "hello");
    CHECK(peers.read().empty());
    CHECK_FALSE(peers.notified());
}

TEST_CASE("TLS: records that came together are told of one after the other") {
    Peers peers;
    peers.be_connected();
    std::string together = peers.record("one");
    together += peers.record("two");
    together += peers.close_notify();
    peers.send(together);
    CHECK(peers.notified());
    CHECK(peers.read() == "one");
    CHECK(peers.notified());
    CHECK(peers.read() == "two");
    CHECK(peers.notified());
    std::array<char, 8> block{};
    CHECK(peers.channel->read(block).state == Io::eof);
}

TEST_CASE("TLS: an end without its close_notify is an error") {
    Peers peers;
    peers.be_connected();
    peers.hang_up();
    CHECK(peers.notified());
    std::array<char, 8> block{};
    CHECK(peers.channel->read(block).state == Io::error);
}

}  // namespace lurus::test
