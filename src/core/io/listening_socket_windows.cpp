#include <winsock2.h>

#include <ws2tcpip.h>

#include <boost/asio/error.hpp>
#include <boost/asio/socket_base.hpp>

#include "core/io/listening_socket.hpp"

namespace lurus {

namespace {

bool turn_on(SOCKET socket, int level, int option) {
    const DWORD on = 1;
    return ::setsockopt(socket, level, option, reinterpret_cast<const char*>(&on), sizeof on) == 0;
}

bool without_waiting(SOCKET socket) {
    u_long on = 1;
    return ::ioctlsocket(socket, FIONBIO, &on) == 0;
}

}  // namespace

StreamSocket ListeningSocket::listen(const Endpoint& at, boost::system::error_code& ec) {
    const int family = at.protocol().family();
    StreamSocket socket(static_cast<int>(
        ::WSASocketW(family, SOCK_STREAM, 0, nullptr, 0, WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT)));
    const auto descriptor = static_cast<SOCKET>(socket.descriptor());
    // Without it another program may bind the same port and take clients away.
    const bool done = socket.descriptor() >= 0 && turn_on(descriptor, SOL_SOCKET, SO_EXCLUSIVEADDRUSE) &&
                      (family != AF_INET6 || turn_on(descriptor, IPPROTO_IPV6, IPV6_V6ONLY)) &&
                      without_waiting(descriptor) && ::bind(descriptor, at.data(), static_cast<int>(at.size())) == 0 &&
                      ::listen(descriptor, boost::asio::socket_base::max_listen_connections) == 0;
    ec.assign(done ? 0 : ::WSAGetLastError(), boost::system::system_category());
    return socket;
}

ListeningSocket::Endpoint ListeningSocket::endpoint() const {
    Endpoint bound;
    int size = static_cast<int>(bound.capacity());
    const bool known = ::getsockname(static_cast<SOCKET>(socket_.descriptor()), bound.data(), &size) == 0;
    bound.resize(known ? static_cast<std::size_t>(size) : 0);
    return bound;
}

AcceptedSocket ListeningSocket::accept(boost::system::error_code& ec) {
    ec.clear();
    for (;;) {
        Endpoint peer;
        int size = static_cast<int>(peer.capacity());
        const SOCKET client = ::accept(static_cast<SOCKET>(socket_.descriptor()), peer.data(), &size);
        if (client != INVALID_SOCKET) {
            peer.resize(static_cast<std::size_t>(size));
            AcceptedSocket accepted(static_cast<int>(client), peer);
            ::SetHandleInformation(reinterpret_cast<HANDLE>(client), HANDLE_FLAG_INHERIT, 0);
            if (!without_waiting(client) || !turn_on(client, IPPROTO_TCP, TCP_NODELAY))
                continue;  // a client that has left again
            return accepted;
        }
        const int why = ::WSAGetLastError();
        if (why == WSAECONNRESET || why == WSAECONNABORTED) continue;  // the same
        ec.assign(why, boost::system::system_category());
        if (ec == boost::asio::error::would_block) watch_.drained();
        return {};
    }
}

}  // namespace lurus
