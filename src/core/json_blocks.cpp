// The widest loop under the JSON reader, for long strings, chosen by what the processor has.

#include "core/json_bytes.hpp"

#ifdef LURUS_SSE2
#include <immintrin.h>

namespace lurus::json::bytes {
namespace {

constexpr std::size_t block = 128;

std::size_t skip_blocks_sse2(const char* data, std::size_t i, std::size_t size) {
    const __m128i backslash = _mm_set1_epi8('\\');
    // Flipping bit 1 takes the quote (0x22) below 0x21 and the space out of it; the rest below 0x21 stays there:
    // control characters, and as signed numbers all bytes with the high bit set.
    const __m128i flip = _mm_set1_epi8(2);
    const __m128i bound = _mm_set1_epi8(0x21);
    for (; i + block <= size; i += block) {
        __m128i any = _mm_setzero_si128();
        for (std::size_t at = 0; at < block; at += sizeof(__m128i)) {
            const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(data + i + at));
            any = _mm_or_si128(any, _mm_cmplt_epi8(_mm_xor_si128(v, flip), bound));
            any = _mm_or_si128(any, _mm_cmpeq_epi8(v, backslash));
        }
        if (_mm_movemask_epi8(any) != 0) break;
    }
    return i;
}

[[gnu::target("avx2")]] std::size_t skip_blocks_avx2(const char* data, std::size_t i, std::size_t size) {
    const __m256i backslash = _mm256_set1_epi8('\\');
    const __m256i flip = _mm256_set1_epi8(2);
    const __m256i bound = _mm256_set1_epi8(0x21);
    for (; i + block <= size; i += block) {
        __m256i any = _mm256_setzero_si256();
        for (std::size_t at = 0; at < block; at += sizeof(__m256i)) {
            const __m256i v = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(data + i + at));
            any = _mm256_or_si256(any, _mm256_cmpgt_epi8(bound, _mm256_xor_si256(v, flip)));
            any = _mm256_or_si256(any, _mm256_cmpeq_epi8(v, backslash));
        }
        if (_mm256_movemask_epi8(any) != 0) break;
    }
    return i;
}

}  // namespace

std::size_t skip_plain_blocks(const char* data, std::size_t i, std::size_t size) {
    static const bool wide = __builtin_cpu_supports("avx2") != 0;
    return wide ? skip_blocks_avx2(data, i, size) : skip_blocks_sse2(data, i, size);
}

}  // namespace lurus::json::bytes

#endif
