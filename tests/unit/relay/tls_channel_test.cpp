// A channel's TLS: OpenSSL reads ahead, so what a wait means depends on what it holds.

#include <doctest/doctest.h>
#include <openssl/ssl.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <utility>

#include "core/io/channel.hpp"
#include "core/io/tls.hpp"
#include "tests/bench/secure.hpp"
#include "tests/unit/socket_pair.hpp"

namespace lurus::test {
namespace {

namespace asio = boost::asio;

/// A server's channel, and a client whose bytes the test passes on itself.
class Peers {
public:
    Peers() {
        channel = std::make_unique<Channel>(io_, std::move(pair_.ours));
        SslPtr accepting(SSL_new(server_.get()));
        SSL_set_accept_state(accepting.get());
        channel->use_tls(std::move(accepting));
        SSL_set_connect_state(client_.get());
        SSL_set_bio(client_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    }

    void send(std::string_view bytes) { pair_.say(bytes); }
    void hang_up() { pair_.hang_up(); }

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
        REQUIRE(notified());
        REQUIRE(channel->handshake() == Io::again);
        std::array<char, 8192> block{};
        const std::size_t n = pair_.theirs.read_some(asio::buffer(block));
        BIO_write(SSL_get_rbio(client_.get()), block.data(), static_cast<int>(n));
        REQUIRE(SSL_do_handshake(client_.get()) == 1);
        return take();
    }
    void be_connected() {
        send(shake_hands());
        REQUIRE(notified());
        REQUIRE(channel->handshake() == Io::ok);
        CHECK(channel->read(block_).state == Io::again);
    }

    /// Whether a wait ends.
    bool notified() {
        wait();
        return run_until(io_, [this] { return told_; });
    }
    /// Whether no wait ends by what is there.
    bool left_alone() {
        wait();
        io_.restart();
        io_.poll();
        return !told_;
    }
    std::string read() {
        const IoResult result = channel->read(block_);
        return result.state == Io::ok ? std::string(block_.data(), result.bytes) : std::string();
    }

private:
    /// The wait before may still be pending: that one it is then.
    void wait() {
        if (!std::exchange(told_, false)) return;
        channel->when_readable([this](const boost::system::error_code& ec) { told_ = !ec; });
    }

    asio::io_context io_;
    SocketPair pair_{io_};
    bool told_ = true;
    SslContextPtr server_ = bench::make_server_context();
    SslContextPtr client_context_ = *make_tls_client(false, {});
    SslPtr client_{SSL_new(client_context_.get())};
    std::array<char, 64> block_{};

public:
    std::unique_ptr<Channel> channel;
};

}  // namespace

TEST_CASE("TLS: bytes that come with the handshake's last are told of") {
    Peers peers;
    const std::string finished = peers.shake_hands();
    peers.send(finished + peers.record("GET"));
    REQUIRE(peers.notified());
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
    CHECK(peers.left_alone());
    peers.send(record.substr(9));
    CHECK(peers.notified());
    CHECK(peers.read() == "hello");
    CHECK(peers.read().empty());
    CHECK(peers.left_alone());
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
