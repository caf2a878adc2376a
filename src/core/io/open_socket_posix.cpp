#include <sys/socket.h>
#include <unistd.h>

#include "core/io/open_socket.hpp"

namespace lurus {

int OpenSocket::close(int descriptor) {
    closed();
    return ::close(descriptor);
}

void OpenSocket::shut_down(int descriptor) {
    ::shutdown(descriptor, SHUT_RDWR);
}

}  // namespace lurus
