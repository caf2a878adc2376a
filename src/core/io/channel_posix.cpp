// A channel's socket: the system's own calls, so that a short read tells that nothing is left.

#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "core/io/channel.hpp"

namespace lurus {

namespace asio = boost::asio;

namespace {

constexpr std::size_t most_pieces = 64;

}  // namespace

IoResult Channel::failed() {
    if (errno == EAGAIN || errno == EWOULDBLOCK) return IoResult{Io::again, 0};
    error_ = std::system_category().message(errno);
    return IoResult{Io::error, 0};
}

IoResult Channel::read_plain(std::span<char> into) {
    ssize_t n = 0;
    do {
        n = ::recv(descriptor_, into.data(), into.size(), 0);
    } while (n < 0 && errno == EINTR);
    if (n == 0) return IoResult{into.empty() ? Io::ok : Io::eof, 0};
    if (n < 0) {
        const IoResult result = failed();
        if (result.state == Io::again) watch_.drained();
        return result;
    }
    const auto bytes = static_cast<std::size_t>(n);
    if (bytes < into.size()) watch_.drained();
    return IoResult{Io::ok, bytes};
}

IoResult Channel::write_plain(std::span<const asio::const_buffer> from) {
    std::array<iovec, most_pieces> pieces;
    std::size_t total = 0;
    for (;;) {
        std::size_t count = 0, size = 0;
        for (const auto& buffer : from.first(std::min(from.size(), most_pieces))) {
            pieces[count++] = iovec{const_cast<void*>(buffer.data()), buffer.size()};
            size += buffer.size();
        }
        if (count == 0) return IoResult{Io::ok, total};
        msghdr message{};
        message.msg_iov = pieces.data();
        message.msg_iovlen = count;
        ssize_t n = 0;
        do {
            n = ::sendmsg(descriptor_, &message, MSG_NOSIGNAL);
        } while (n < 0 && errno == EINTR);
        if (n < 0) {
            const IoResult result = failed();
            if (result.state == Io::again) watch_.filled();
            return total > 0 ? IoResult{Io::ok, total} : result;
        }
        total += static_cast<std::size_t>(n);
        if (static_cast<std::size_t>(n) < size) {
            watch_.filled();
            return IoResult{Io::ok, total};
        }
        from = from.subspan(count);
    }
}

void Channel::shutdown_write() {
    ::shutdown(descriptor_, SHUT_WR);
}

void Channel::close_descriptor() {
    if (descriptor_ < 0) return;
    watch_.remove();
    ::close(std::exchange(descriptor_, -1));
}

void Channel::abort() {
    if (descriptor_ < 0) return;
    const linger at_once{1, 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close_descriptor();
}

}  // namespace lurus
