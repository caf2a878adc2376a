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

#include "core/io/listening_socket.hpp"

namespace listening_socket_posix_test {

using namespace lurus;
namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

struct Visited {
    Visited() {
        listening = ListeningSocket::open(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0), ec);
        REQUIRE(!ec);
        client.connect(listening->endpoint());
    }
    asio::io_context io;
    boost::system::error_code ec;
    std::unique_ptr<ListeningSocket> listening;
    asio::generic::stream_protocol::socket client{io};
};

}  // namespace

TEST_CASE("a client is not passed on to a child, and inherits that it is without delay") {
    Visited host;
    const AcceptedSocket client = host.listening->accept(host.ec);
    REQUIRE(!host.ec);
    const int descriptor = client.descriptor();
    CHECK((::fcntl(descriptor, F_GETFL) & O_NONBLOCK) != 0);
    CHECK((::fcntl(descriptor, F_GETFD) & FD_CLOEXEC) != 0);
    int no_delay = 0;
    socklen_t size = sizeof no_delay;
    CHECK(::getsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &no_delay, &size) == 0);
    CHECK(no_delay != 0);
}

TEST_CASE("without a descriptor left the client waits until there is one") {
    Visited host;
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    const int next = ::dup(0);
    ::close(next);
    const rlimit none{static_cast<rlim_t>(next), before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
    (void)host.listening->accept(host.ec);
    CHECK(host.ec == asio::error::no_descriptors);
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
    (void)host.listening->accept(host.ec);
    CHECK(!host.ec);
}

TEST_CASE("a client of a Unix socket has no address") {
    const auto path = std::filesystem::temp_directory_path() / ("lurus-listening-" + std::to_string(::getpid()));
    asio::io_context io;
    boost::system::error_code ec;
    const asio::local::stream_protocol::endpoint address(path.string());
    const auto listening = ListeningSocket::open(io, address, ec);
    REQUIRE(!ec);
    asio::local::stream_protocol::socket client(io);
    client.connect(address);
    const AcceptedSocket accepted = listening->accept(ec);
    CHECK(!ec);
    CHECK(!accepted.peer().has_value());
    std::filesystem::remove(path);
}

}  // namespace listening_socket_posix_test
