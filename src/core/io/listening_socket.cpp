#include "core/io/listening_socket.hpp"

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <cstring>

namespace lurus {

AcceptedSocket::AcceptedSocket(int descriptor, const ListeningSocket::Endpoint& peer) : StreamSocket(descriptor) {
    using boost::asio::ip::tcp;
    const int family = peer.protocol().family();
    if (family != tcp::v4().family() && family != tcp::v6().family()) return;
    tcp::endpoint ip;
    std::memcpy(ip.data(), peer.data(), std::min(peer.size(), ip.capacity()));
    IpAddress& address = peer_.emplace();
    if (ip.address().is_v4()) {
        const auto bytes = ip.address().to_v4().to_bytes();
        address.bytes[10] = address.bytes[11] = 0xff;
        std::memcpy(address.bytes.data() + 12, bytes.data(), bytes.size());
    } else {
        const auto bytes = ip.address().to_v6().to_bytes();
        std::memcpy(address.bytes.data(), bytes.data(), bytes.size());
    }
}

std::unique_ptr<ListeningSocket> ListeningSocket::open(boost::asio::io_context& io, const Endpoint& at,
                                                       boost::system::error_code& ec) {
    StreamSocket socket = listen(at, ec);
    if (ec) return nullptr;
    return std::unique_ptr<ListeningSocket>(new ListeningSocket(io, std::move(socket)));
}

void ListeningSocket::close() {
    watch_.remove();
    socket_ = StreamSocket();
}

}  // namespace lurus
