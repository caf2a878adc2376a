#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/error.hpp>
#include <boost/asio/socket_base.hpp>
#include <cerrno>

#include "core/io/listening_socket.hpp"

namespace lurus {

namespace {

bool turn_on(int descriptor, int level, int option) {
    const int on = 1;
    return ::setsockopt(descriptor, level, option, &on, sizeof on) == 0;
}

}  // namespace

StreamSocket ListeningSocket::listen(const Endpoint& at, boost::system::error_code& ec) {
    const int family = at.protocol().family();
    const bool ip = family == AF_INET || family == AF_INET6;
    StreamSocket socket(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int descriptor = socket.descriptor();
    const bool done = descriptor >= 0 && (!ip || turn_on(descriptor, SOL_SOCKET, SO_REUSEADDR)) &&
                      (!ip || turn_on(descriptor, IPPROTO_TCP, TCP_NODELAY)) &&  // clients' sockets inherit it
                      (family != AF_INET6 || turn_on(descriptor, IPPROTO_IPV6, IPV6_V6ONLY)) &&
                      ::bind(descriptor, at.data(), static_cast<socklen_t>(at.size())) == 0 &&
                      ::listen(descriptor, boost::asio::socket_base::max_listen_connections) == 0;
    ec.assign(done ? 0 : errno, boost::system::system_category());
    return socket;
}

ListeningSocket::Endpoint ListeningSocket::endpoint() const {
    Endpoint bound;
    auto size = static_cast<socklen_t>(bound.capacity());
    const bool known = ::getsockname(socket_.descriptor(), bound.data(), &size) == 0;
    bound.resize(known ? size : 0);
    return bound;
}

AcceptedSocket ListeningSocket::accept(boost::system::error_code& ec) {
    ec.clear();
    for (;;) {
        Endpoint peer;
        auto size = static_cast<socklen_t>(peer.capacity());
        const int descriptor = ::accept4(socket_.descriptor(), peer.data(), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (descriptor >= 0) {
            peer.resize(size);
            return {descriptor, peer};
        }
        if (errno == EINTR || errno == ECONNABORTED || errno == EPROTO) continue;  // a client that has left again
        ec.assign(errno, boost::system::system_category());
        if (ec == boost::asio::error::would_block) watch_.drained();
        return {};
    }
}

}  // namespace lurus
