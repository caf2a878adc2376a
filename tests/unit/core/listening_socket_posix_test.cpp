#include "core/io/listening_socket.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <filesystem>
#include <string>
#include <vector>

using namespace lurus;
namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

struct Host {
    explicit Host(const char* address) {
        tcp::acceptor acceptor(io, tcp::endpoint(asio::ip::make_address(address), 0));
        acceptor.set_option(tcp::no_delay(true));
        endpoint = acceptor.local_endpoint();
        listening.emplace(io, acceptor.release());
    }
    void connect() { clients.emplace_back(io).connect(endpoint); }
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

    asio::io_context io;
    tcp::endpoint endpoint;
    std::optional<ListeningSocket> listening;
    std::vector<tcp::socket> clients;
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

TEST_CASE("a client comes with its address, non-blocking, and with what it inherits") {
    for (const char* address : {"127.0.0.1", "::1"}) {
        if (!has(address)) continue;  // a system without IPv6
        Host host(address);
        host.connect();
        boost::system::error_code ec;
        AcceptedSocket client = host.listening->accept(ec);
        REQUIRE(!ec);
        REQUIRE(client.peer().has_value());
        CHECK(client.peer()->text() == address);
        const int descriptor = client.release();
        CHECK((::fcntl(descriptor, F_GETFL) & O_NONBLOCK) != 0);
        CHECK((::fcntl(descriptor, F_GETFD) & FD_CLOEXEC) != 0);
        int no_delay = 0;
        socklen_t size = sizeof no_delay;
        CHECK(::getsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &no_delay, &size) == 0);
        CHECK(no_delay != 0);
        ::close(descriptor);
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
    host.run();
    CHECK(host.told == 1);
    boost::system::error_code ec;
    int taken = 0;
    for (; !ec; ++taken) (void)host.listening->accept(ec);
    CHECK(taken - 1 == 3);

    host.wait();
    host.run();
    CHECK(host.told == 1);
    host.connect();
    host.run();
    CHECK(host.told == 2);
    // Not taken yet: there is still one.
    host.wait();
    host.run();
    CHECK(host.told == 3);
}

TEST_CASE("a client that is not taken is closed") {
    Host host("127.0.0.1");
    host.connect();
    boost::system::error_code ec;
    {
        const AcceptedSocket client = host.listening->accept(ec);
    }
    char byte = 0;
    host.clients.front().read_some(asio::buffer(&byte, 1), ec);
    CHECK(ec == asio::error::eof);
}

TEST_CASE("without a descriptor left the client waits until there is one") {
    Host host("127.0.0.1");
    host.connect();
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    const int next = ::dup(0);
    ::close(next);
    const rlimit none{static_cast<rlim_t>(next), before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
    boost::system::error_code ec;
    (void)host.listening->accept(ec);
    CHECK(ec == asio::error::no_descriptors);
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
    (void)host.listening->accept(ec);
    CHECK(!ec);
}

TEST_CASE("closing ends a wait, and refuses who comes") {
    Host host("127.0.0.1");
    host.wait();
    host.listening->close();
    host.run();
    CHECK(host.told == 1);
    CHECK(host.why == asio::error::operation_aborted);
    tcp::socket late(host.io);
    boost::system::error_code ec;
    late.connect(host.endpoint, ec);
    CHECK(ec == asio::error::connection_refused);
}

TEST_CASE("a client of a Unix socket has no address") {
    const auto path = std::filesystem::temp_directory_path() / ("lurus-listening-" + std::to_string(::getpid()));
    asio::io_context io;
    asio::local::stream_protocol::acceptor acceptor(io, asio::local::stream_protocol::endpoint(path.string()));
    ListeningSocket listening(io, acceptor.release());
    asio::local::stream_protocol::socket client(io);
    client.connect(asio::local::stream_protocol::endpoint(path.string()));
    boost::system::error_code ec;
    const AcceptedSocket accepted = listening.accept(ec);
    CHECK(!ec);
    CHECK(!accepted.peer().has_value());
    std::filesystem::remove(path);
}
