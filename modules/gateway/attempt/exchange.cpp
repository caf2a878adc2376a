#include "modules/gateway/attempt/exchange.hpp"

#include <utility>

namespace lurus::gateway {

void Exchange::drop() {
    if (!connection_) return;
    connection_->owner = nullptr;
    connection_->close();
    connection_.reset();
}

void Exchange::release() {
    if (!connection_) return;
    if (!framer.done() || !head.keep_alive) return drop();
    connection_->owner = nullptr;
    shard_.give_back(std::exchange(connection_, nullptr));
}

}  // namespace lurus::gateway
