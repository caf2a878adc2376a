#include "tests/unit/relay/counting.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace {
std::atomic<std::uint64_t> count = 0, bytes = 0;
thread_local bool left_out = false;
}  // namespace

namespace lurus::counting {

void leave_out_this_thread() {
    left_out = true;
}

std::uint64_t allocations() {
    return count.load();
}

std::uint64_t allocated_bytes() {
    return bytes.load();
}

std::uint64_t bytes_in_use() {
#ifdef __GLIBC__
    const auto books = ::mallinfo2();
    return books.uordblks + books.hblkhd;
#else
    return 0;
#endif
}

}  // namespace lurus::counting

#if defined(__GLIBC__) && !defined(LURUS_SANITIZED)

namespace {
void* counted(void* memory, std::size_t size) {
    if (!left_out) {
        ++count;
        bytes += size;
    }
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
}
}  // namespace

void* operator new(std::size_t size) {
    return counted(std::malloc(size), size);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
    return counted(::memalign(static_cast<std::size_t>(alignment), size), size);
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
    std::free(memory);
}
extern "C" void* aligned_alloc(std::size_t alignment, std::size_t size) {
    return counted(::memalign(alignment, size), size);
}

#endif
