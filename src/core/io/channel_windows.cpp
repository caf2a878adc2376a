// A channel's socket: Winsock's own calls, so that a short read tells that nothing is left.

#include <winsock2.h>

#include <algorithm>
#include <array>
#include <limits>
#include <system_error>

#include "core/io/channel.hpp"

namespace lurus {

namespace asio = boost::asio;

namespace {

constexpr std::size_t most_pieces = 64;

ULONG piece_size(std::size_t size) {
    return static_cast<ULONG>(std::min<std::size_t>(size, std::numeric_limits<int>::max()));
}

}  // namespace

IoResult Channel::failed() {
    const int why = ::WSAGetLastError();
    if (why == WSAEWOULDBLOCK) return IoResult{Io::again, 0};
    error_ = std::system_category().message(why);
    return IoResult{Io::error, 0};
}

IoResult Channel::read_plain(std::span<char> into) {
    const int n = ::recv(static_cast<SOCKET>(descriptor_), into.data(), static_cast<int>(piece_size(into.size())), 0);
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
    std::array<WSABUF, most_pieces> pieces;
    std::size_t total = 0;
    for (;;) {
        DWORD count = 0;
        std::size_t size = 0;
        for (const auto& buffer : from.first(std::min(from.size(), most_pieces))) {
            const ULONG taken = piece_size(buffer.size());
            pieces[count++] = WSABUF{taken, static_cast<char*>(const_cast<void*>(buffer.data()))};
            size += taken;
            if (taken < buffer.size()) break;
        }
        if (count == 0) return IoResult{Io::ok, total};
        DWORD n = 0;
        if (::WSASend(static_cast<SOCKET>(descriptor_), pieces.data(), count, &n, 0, nullptr, nullptr) != 0) {
            const IoResult result = failed();
            if (result.state == Io::again) watch_.filled();
            return total > 0 ? IoResult{Io::ok, total} : result;
        }
        total += n;
        if (n < size) {
            watch_.filled();
            return IoResult{Io::ok, total};
        }
        if (pieces[count - 1].len < from[count - 1].size()) return IoResult{Io::ok, total};
        from = from.subspan(count);
    }
}

void Channel::shutdown_write() {
    ::shutdown(static_cast<SOCKET>(descriptor_), SD_SEND);
}

void Channel::close_descriptor() {
    if (descriptor_ < 0) return;
    watch_.remove();
    ::closesocket(static_cast<SOCKET>(std::exchange(descriptor_, -1)));
}

void Channel::abort() {
    if (descriptor_ < 0) return;
    const linger at_once{1, 0};
    ::setsockopt(static_cast<SOCKET>(descriptor_), SOL_SOCKET, SO_LINGER, reinterpret_cast<const char*>(&at_once),
                 sizeof at_once);
    close_descriptor();
}

}  // namespace lurus
