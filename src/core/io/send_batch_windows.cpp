#include <winsock2.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "core/io/send_batch.hpp"

namespace lurus {

struct SendBatch::Ring {};

SendBatch::SendBatch(Way) {}

SendBatch::~SendBatch() = default;

void SendBatch::send(std::span<Item> items) {
    for (auto& item : items) {
        const auto size = static_cast<int>(std::min<std::size_t>(item.size, std::numeric_limits<int>::max()));
        item.result = ::send(static_cast<SOCKET>(item.descriptor), item.data, size, 0);
        if (item.result >= 0) continue;
        const int why = ::WSAGetLastError();
        item.result = why == WSAEWOULDBLOCK ? -EAGAIN : -why;
    }
}

}  // namespace lurus
