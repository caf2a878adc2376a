#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/error.hpp>
#include <cerrno>
#include <cstring>

#include "core/io/listening_socket.hpp"

namespace lurus {

namespace {

int without_waiting(int descriptor) {
    ::fcntl(descriptor, F_SETFL, ::fcntl(descriptor, F_GETFL) | O_NONBLOCK);
    return descriptor;
}

std::optional<IpAddress> address_of(const sockaddr_storage& peer) {
    IpAddress address;
    if (peer.ss_family == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, &peer, sizeof v4);
        address.bytes[10] = address.bytes[11] = 0xff;
        std::memcpy(address.bytes.data() + 12, &v4.sin_addr, 4);
        return address;
    }
    if (peer.ss_family != AF_INET6) return std::nullopt;
    sockaddr_in6 v6{};
    std::memcpy(&v6, &peer, sizeof v6);
    std::memcpy(address.bytes.data(), &v6.sin6_addr, address.bytes.size());
    return address;
}

}  // namespace

AcceptedSocket::~AcceptedSocket() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

ListeningSocket::ListeningSocket(boost::asio::io_context& io, int descriptor)
    : descriptor_(without_waiting(descriptor)), watch_(Readiness::of(io), descriptor_) {}

AcceptedSocket ListeningSocket::accept(boost::system::error_code& ec) {
    ec.clear();
    for (;;) {
        sockaddr_storage peer{};
        socklen_t size = sizeof peer;
        const int descriptor =
            ::accept4(descriptor_, reinterpret_cast<sockaddr*>(&peer), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (descriptor >= 0) return AcceptedSocket(descriptor, address_of(peer));
        if (errno == EINTR || errno == ECONNABORTED || errno == EPROTO) continue;  // a client that has left again
        ec.assign(errno, boost::system::system_category());
        if (ec == boost::asio::error::would_block) watch_.drained();
        return {};
    }
}

void ListeningSocket::close() {
    if (descriptor_ < 0) return;
    watch_.remove();
    ::close(std::exchange(descriptor_, -1));
}

}  // namespace lurus
