#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <cerrno>

#include "core/io/stream_socket.hpp"
#include "core/os/platform.hpp"

namespace lurus {

StreamSocket::~StreamSocket() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

StreamSocket Connecting::begin(const Endpoint& peer, boost::system::error_code& failure) {
    const int family = peer.protocol().family();
    StreamSocket socket(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int descriptor = socket.descriptor();
    if (descriptor >= 0 && (family == AF_INET || family == AF_INET6)) {
        const int on = 1;
        ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (is_on_this_machine(peer)) platform::send_unpaced(descriptor);
    }
    if (descriptor < 0 || (::connect(descriptor, peer.data(), static_cast<socklen_t>(peer.size())) != 0 &&
                           errno != EINPROGRESS && errno != EINTR))
        failure.assign(errno, boost::system::system_category());
    return socket;
}

boost::system::error_code Connecting::outcome() const {
    int why = 0;
    socklen_t size = sizeof why;
    if (::getsockopt(socket_.descriptor(), SOL_SOCKET, SO_ERROR, &why, &size) != 0) why = errno;
    return {why, boost::system::system_category()};
}

LocalPair::LocalPair(boost::asio::io_context& io) : theirs(io) {
    boost::asio::local::stream_protocol::socket own_end(io), other_end(io);
    boost::asio::local::connect_pair(own_end, other_end);
    own_end.non_blocking(true);
    ours = StreamSocket(own_end.release());
    theirs = std::move(other_end);
}

}  // namespace lurus
