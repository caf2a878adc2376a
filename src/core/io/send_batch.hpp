#pragma once
// Sends to several sockets in one system call where the system can (io_uring on Linux), one after the other where it
// cannot. A reader that sleeps on one of the sockets then wakes up to all of its data at once instead of taking the
// processor after each send. Not thread-safe; one per thread.

#include <cstddef>
#include <memory>
#include <span>

namespace lurus {

class SendBatch {
public:
    struct Item {
        int descriptor = -1;
        const char* data = nullptr;
        std::size_t size = 0;
        /// Bytes that the socket took (at least 1), or a negated error of the system; -EAGAIN when it takes nothing
        /// now.
        std::ptrdiff_t result = 0;
    };
    enum class Way { best, one_by_one };
    static constexpr std::size_t most = 64;  // items in one call

    explicit SendBatch(Way way = Way::best);
    ~SendBatch();
    SendBatch(const SendBatch&) = delete;
    SendBatch& operator=(const SendBatch&) = delete;

    /// Sends without blocking and fills in the results. The sockets are distinct. Two items or more share a call.
    void send(std::span<Item> items);
    /// False where sends go one by one: no io_uring in this kernel, or it is forbidden here.
    [[nodiscard]] bool batched() const { return ring_ != nullptr; }

private:
    struct Ring;
    std::unique_ptr<Ring> ring_;
};

}  // namespace lurus
