#pragma once
// Counts allocations of the threads under test, through operator new and Asio's aligned_alloc.

#include <cstdint>

// The sanitizers have an allocator of their own; clang says that they are there as a feature.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LURUS_SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define LURUS_SANITIZED
#endif
#endif

namespace lurus::counting {

/// False where the counts mean nothing: a sanitizer's own allocator.
constexpr bool possible =
#if defined(LURUS_SANITIZED) || !defined(__GLIBC__)
    false;
#else
    true;
#endif

/// The calling thread's allocations do not count from now on.
void leave_out_this_thread();
/// Of all other threads, since the process began.
std::uint64_t allocations();
/// The bytes they asked for.
std::uint64_t allocated_bytes();
/// Bytes that the process holds now, by malloc's own books.
std::uint64_t bytes_in_use();

}  // namespace lurus::counting
