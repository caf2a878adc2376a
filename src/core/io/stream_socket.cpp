#include "core/io/stream_socket.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <cstring>

namespace lurus {

bool Connecting::is_on_this_machine(const Endpoint& peer) {
    using boost::asio::ip::tcp;
    const int family = peer.protocol().family();
    tcp::endpoint ip;
    if ((family != tcp::v4().family() && family != tcp::v6().family()) || peer.size() > ip.capacity()) return false;
    std::memcpy(ip.data(), peer.data(), peer.size());
    return ip.address().is_loopback();
}

void Connecting::when_connected(Watch::Callback callback) {
    if (failure_) {
        watch_.call([callback = std::move(callback), why = failure_](const boost::system::error_code&) mutable {
            callback(why);
        });
        return;
    }
    watch_.when_writable([this, callback = std::move(callback)](const boost::system::error_code& ec) mutable {
        callback(ec ? ec : outcome());
    });
}

StreamSocket Connecting::take() {
    watch_.let_go(socket_.descriptor());
    return std::move(socket_);
}

}  // namespace lurus
