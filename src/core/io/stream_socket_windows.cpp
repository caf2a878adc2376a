#include <winsock2.h>

#include <mstcpip.h>
#include <ws2tcpip.h>

#include <boost/asio/ip/tcp.hpp>

#include "core/io/stream_socket.hpp"

namespace lurus {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

// Windows asks a port of this machine that nobody listens at three times within two seconds, unless told not to.
void be_refused_at_once(SOCKET socket) {
    TCP_INITIAL_RTO_PARAMETERS once{};
    once.Rtt = TCP_INITIAL_RTO_UNSPECIFIED_RTT;
    once.MaxSynRetransmissions = TCP_INITIAL_RTO_NO_SYN_RETRANSMISSIONS;
    DWORD size = 0;
    ::WSAIoctl(socket, SIO_TCP_INITIAL_RTO, &once, sizeof once, nullptr, 0, &size, nullptr, nullptr);
}

}  // namespace

StreamSocket::~StreamSocket() {
    if (descriptor_ >= 0) ::closesocket(static_cast<SOCKET>(descriptor_));
}

StreamSocket Connecting::begin(const Endpoint& peer, boost::system::error_code& failure) {
    const int family = peer.protocol().family();
    StreamSocket socket(static_cast<int>(
        ::WSASocketW(family, SOCK_STREAM, 0, nullptr, 0, WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT)));
    const auto descriptor = static_cast<SOCKET>(socket.descriptor());
    u_long without_waiting = 1;
    bool begun = socket.descriptor() >= 0 && ::ioctlsocket(descriptor, FIONBIO, &without_waiting) == 0;
    if (begun && (family == AF_INET || family == AF_INET6)) {
        const BOOL on = TRUE;
        ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, reinterpret_cast<const char*>(&on), sizeof on);
        if (is_on_this_machine(peer)) be_refused_at_once(descriptor);
    }
    begun = begun && (::connect(descriptor, peer.data(), static_cast<int>(peer.size())) == 0 ||
                      ::WSAGetLastError() == WSAEWOULDBLOCK);
    if (!begun) failure.assign(::WSAGetLastError(), boost::system::system_category());
    return socket;
}

boost::system::error_code Connecting::outcome() const {
    int why = 0;
    int size = sizeof why;
    if (::getsockopt(static_cast<SOCKET>(socket_.descriptor()), SOL_SOCKET, SO_ERROR, reinterpret_cast<char*>(&why),
                     &size) != 0)
        why = ::WSAGetLastError();
    return {why, boost::system::system_category()};
}

// Windows has no socket pair. Whoever else connects to the port meanwhile is not taken.
LocalPair::LocalPair(asio::io_context& io) : theirs(io) {
    tcp::acceptor acceptor(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0), false);
    boost::system::error_code failure;
    StreamSocket own_end = Connecting::begin(acceptor.local_endpoint(), failure);
    if (failure) throw boost::system::system_error(failure, "a socket pair");
    tcp::endpoint own;
    for (tcp::endpoint peer;;) {
        tcp::socket other_end = acceptor.accept(peer);
        int size = static_cast<int>(own.capacity());
        if (::getsockname(static_cast<SOCKET>(own_end.descriptor()), own.data(), &size) != 0)
            throw boost::system::system_error(::WSAGetLastError(), boost::system::system_category(), "a socket pair");
        if (peer != own) continue;
        other_end.set_option(tcp::no_delay(true));
        theirs = std::move(other_end);
        ours = std::move(own_end);
        return;
    }
}

}  // namespace lurus
