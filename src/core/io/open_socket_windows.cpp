#include <winsock2.h>

#include "core/io/open_socket.hpp"

namespace lurus {

int OpenSocket::close(int descriptor) {
    closed();
    return ::closesocket(static_cast<SOCKET>(descriptor));
}

// One that still connects is not shut down by `shutdown`: what waits for it ends with the driver's own work for it.
void OpenSocket::shut_down(int descriptor) {
    ::shutdown(static_cast<SOCKET>(descriptor), SD_BOTH);
    ::CancelIoEx(reinterpret_cast<HANDLE>(static_cast<SOCKET>(descriptor)), nullptr);
}

}  // namespace lurus
