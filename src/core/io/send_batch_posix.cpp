#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "core/io/send_batch.hpp"

#ifdef __linux__
#include <liburing.h>
#endif

namespace lurus {

namespace {

void send_one(SendBatch::Item& item) {
    do {
        item.result = ::send(item.descriptor, item.data, item.size, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (item.result < 0 && errno == EINTR);
    if (item.result < 0) item.result = -errno;
}

}  // namespace

#ifdef __linux__

struct SendBatch::Ring {
    io_uring ring{};
    bool open = false;

    // The shard's thread is not the one that makes its batch, so the ring cannot be bound to a single issuer.
    Ring() : open(io_uring_queue_init(most, &ring, 0) == 0) {}
    ~Ring() {
        if (open) io_uring_queue_exit(&ring);
    }
    Ring(const Ring&) = delete;
    Ring& operator=(const Ring&) = delete;

    std::size_t take_results(std::span<Item> items) {
        io_uring_cqe* completion = nullptr;
        unsigned head = 0, seen = 0;
        io_uring_for_each_cqe(&ring, head, completion) {
            items[io_uring_cqe_get_data64(completion)].result = completion->res;
            ++seen;
        }
        io_uring_cq_advance(&ring, seen);
        return seen;
    }

    // False when the kernel refused the call. A send that must not wait is over when the call is, so items without a
    // result were not sent then.
    bool send(std::span<Item> items) {
        for (std::size_t i = 0; i < items.size(); ++i) {
            io_uring_sqe* entry = io_uring_get_sqe(&ring);
            if (entry == nullptr) return false;
            io_uring_prep_send(entry, items[i].descriptor, items[i].data, items[i].size, MSG_DONTWAIT | MSG_NOSIGNAL);
            io_uring_sqe_set_data64(entry, i);
        }
        std::size_t done = 0;
        while (done < items.size()) {
            const int result = io_uring_submit_and_wait(&ring, static_cast<unsigned>(items.size() - done));
            done += take_results(items);
            if (result < 0 && result != -EINTR) return false;
        }
        return true;
    }
};

SendBatch::SendBatch(Way way) {
    if (way == Way::one_by_one) return;
    ring_ = std::make_unique<Ring>();
    if (!ring_->open) ring_.reset();
}

void SendBatch::send(std::span<Item> items) {
    for (auto& item : items) item.result = 0;
    while (ring_ && items.size() > 1) {
        const auto some = items.first(std::min(items.size(), most));
        if (!ring_->send(some)) {
            ring_.reset();
            break;
        }
        items = items.subspan(some.size());
    }
    for (auto& item : items) {
        if (item.result == 0) send_one(item);
    }
}

#else

struct SendBatch::Ring {};

SendBatch::SendBatch(Way) {}

void SendBatch::send(std::span<Item> items) {
    for (auto& item : items) send_one(item);
}

#endif

SendBatch::~SendBatch() = default;

}  // namespace lurus
