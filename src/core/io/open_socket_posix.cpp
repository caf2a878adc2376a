#include <sys/socket.h>
#include <unistd.h>

#include "core/io/open_socket.hpp"

namespace lurus {

void OpenSocket::opened(int descriptor) {
    const std::scoped_lock lock(mutex_);
    descriptor_ = descriptor;
    if (shut_) ::shutdown(descriptor_, SHUT_RDWR);
}

void OpenSocket::closed() {
    const std::scoped_lock lock(mutex_);
    descriptor_ = -1;
}

int OpenSocket::close(int descriptor) {
    closed();
    return ::close(descriptor);
}

void OpenSocket::shut() {
    const std::scoped_lock lock(mutex_);
    shut_ = true;
    if (descriptor_ >= 0) ::shutdown(descriptor_, SHUT_RDWR);
}

bool OpenSocket::is_shut() const {
    const std::scoped_lock lock(mutex_);
    return shut_;
}

}  // namespace lurus
