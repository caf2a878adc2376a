#include "core/io/listening_socket.hpp"

#include <doctest/doctest.h>

#include <array>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <string>
#include <vector>

#include "core/io/channel.hpp"
#include "tests/unit/socket_pair.hpp"

namespace listening_socket_test {

using namespace lurus;
namespace asio = boost::asio;
using asio::ip::tcp;
using test::run_until;

namespace {

struct Host {
    explicit Host(const char* address) {
        boost::system::error_code ec;
        listening = ListeningSocket::open(io, tcp::endpoint(asio::ip::make_address(address), 0), ec);
        REQUIRE(!ec);
    }
    void connect() {
        clients.push_back(std::make_unique<asio::generic::stream_protocol::socket>(io));
        clients.back()->connect(listening->endpoint());
    }
    void run() {
        io.restart();
        io.poll();
    }
    void wait() {
        listening->when_readable([this](const boost::system::error_code& ec) {
            ++told;
            why = ec;
        });
    }
    bool was_told(int times) {
        return run_until(io, [&] { return told >= times; }) && told == times;
    }
    /// The next client, waited for.
    AcceptedSocket accept() {
        boost::system::error_code ec = asio::error::would_block;
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (std::chrono::steady_clock::now() < end) {
            AcceptedSocket client = listening->accept(ec);
            if (ec != asio::error::would_block) return client;
        }
        return {};
    }

    asio::io_context io;
    std::unique_ptr<ListeningSocket> listening;
    std::vector<std::unique_ptr<asio::generic::stream_protocol::socket>> clients;
    int told = 0;
    boost::system::error_code why;
};

bool has(const char* address) {
    asio::io_context io;
    tcp::socket socket(io);
    boost::system::error_code ec;
    const tcp::endpoint endpoint(asio::ip::make_address(address), 0);
    socket.open(endpoint.protocol(), ec);
    if (!ec) socket.bind(endpoint, ec);
    return !ec;
}

}  // namespace

TEST_CASE("a client comes with its address, and does not block") {
    for (const char* address : {"127.0.0.1", "::1"}) {
        if (!has(address)) continue;  // a system without IPv6
        Host host(address);
        host.connect();
        AcceptedSocket client = host.accept();
        REQUIRE(client.peer().has_value());
        CHECK(client.peer()->text() == address);
        Channel channel(host.io, std::move(client));
        std::array<char, 8> block{};
        CHECK(channel.read(block).state == Io::again);
        boost::system::error_code ec;
        (void)host.listening->accept(ec);
        CHECK(ec == asio::error::would_block);
    }
}

TEST_CASE("who waits for clients is told once for all of them") {
    Host host("127.0.0.1");
    host.wait();
    host.run();
    CHECK(host.told == 0);
    for (int i = 0; i < 3; ++i) host.connect();
    CHECK(host.was_told(1));
    for (int i = 0; i < 3; ++i) CHECK(host.accept().descriptor() >= 0);
    boost::system::error_code ec;
    (void)host.listening->accept(ec);
    CHECK(ec == asio::error::would_block);

    host.wait();
    host.run();
    CHECK(host.told == 1);
    host.connect();
    CHECK(host.was_told(2));
    // Not taken yet: there is still one.
    host.wait();
    CHECK(host.was_told(3));
}

TEST_CASE("a client that is not taken is closed") {
    Host host("127.0.0.1");
    host.connect();
    {
        const AcceptedSocket client = host.accept();
    }
    char byte = 0;
    boost::system::error_code ec;
    host.clients.front()->read_some(asio::buffer(&byte, 1), ec);
    CHECK(ec == asio::error::eof);
}

TEST_CASE("closing ends a wait, and refuses who comes") {
    Host host("127.0.0.1");
    const auto address = host.listening->endpoint();
    host.wait();
    host.listening->close();
    CHECK(host.was_told(1));
    CHECK(host.why == asio::error::operation_aborted);
    asio::generic::stream_protocol::socket late(host.io);
    boost::system::error_code ec;
    late.connect(address, ec);
    CHECK(ec == asio::error::connection_refused);
}

TEST_CASE("a port that is listened at is not another's, and free again after a client was there") {
    Host host("127.0.0.1");
    boost::system::error_code ec;
    CHECK(ListeningSocket::open(host.io, host.listening->endpoint(), ec) == nullptr);
    CHECK(ec == asio::error::address_in_use);
    const auto address = host.listening->endpoint();
    host.connect();
    {
        const AcceptedSocket client = host.accept();
    }
    host.clients.clear();
    host.listening->close();
    CHECK(ListeningSocket::open(host.io, address, ec) != nullptr);
    CHECK(!ec);
}

}  // namespace listening_socket_test
