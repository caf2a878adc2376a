#include "core/io/open_socket.hpp"

namespace lurus {

void OpenSocket::opened(int descriptor) {
    const std::scoped_lock lock(mutex_);
    descriptor_ = descriptor;
    if (shut_) shut_down(descriptor_);
}

void OpenSocket::closed() {
    const std::scoped_lock lock(mutex_);
    descriptor_ = -1;
}

void OpenSocket::shut() {
    const std::scoped_lock lock(mutex_);
    shut_ = true;
    if (descriptor_ >= 0) shut_down(descriptor_);
}

bool OpenSocket::is_shut() const {
    const std::scoped_lock lock(mutex_);
    return shut_;
}

}  // namespace lurus
